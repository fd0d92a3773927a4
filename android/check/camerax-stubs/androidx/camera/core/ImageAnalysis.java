package androidx.camera.core;

/** The members that our adapter uses: CameraX itself is not served where this check runs. */
public final class ImageAnalysis {
    private ImageAnalysis() {}

    public interface Analyzer {
        void analyze(ImageProxy image);
    }
}
