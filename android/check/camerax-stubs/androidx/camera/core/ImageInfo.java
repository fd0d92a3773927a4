package androidx.camera.core;

/** The members that our adapter uses: CameraX itself is not served where this check runs. */
public interface ImageInfo {
    long getTimestamp();

    int getRotationDegrees();
}
