package androidx.camera.core;

import android.graphics.Rect;
import java.nio.ByteBuffer;

/** The members that our adapter uses: CameraX itself is not served where this check runs. */
public interface ImageProxy extends AutoCloseable {
    @Override
    void close();

    int getWidth();

    int getHeight();

    Rect getCropRect();

    PlaneProxy[] getPlanes();

    ImageInfo getImageInfo();

    interface PlaneProxy {
        int getRowStride();

        int getPixelStride();

        ByteBuffer getBuffer();
    }
}
