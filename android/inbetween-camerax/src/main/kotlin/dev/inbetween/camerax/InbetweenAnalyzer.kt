package dev.inbetween.camerax

import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import dev.inbetween.CameraTimestamps
import dev.inbetween.InbetweenSession
import dev.inbetween.Rect
import dev.inbetween.SdkException
import dev.inbetween.YuvImage
import dev.inbetween.rotationOf

/**
 * Feeds CameraX's analysis images to a session and closes them.
 *
 * ```
 * analysis.setAnalyzer(executor, InbetweenAnalyzer(session))
 * ```
 *
 * The use case's default output format (YUV) is the one that this takes, and its default backpressure (keep only the
 * latest) the right one. A frame that is refused is passed to [onRefused] and dropped; when the session is closed, images
 * are only closed.
 *
 * @param mirror whether the upright picture is shown flipped left–right, as front cameras are.
 * @param timestamps from the camera's clock to the session's.
 * @param cropToViewport whether the model looks at the image's crop rectangle only, as a viewport sets it.
 */
public class InbetweenAnalyzer(
    private val session: InbetweenSession,
    private val mirror: Boolean = false,
    private val timestamps: CameraTimestamps = CameraTimestamps.MONOTONIC,
    private val cropToViewport: Boolean = false,
    private val onRefused: (SdkException) -> Unit = {},
) : ImageAnalysis.Analyzer {
    override fun analyze(image: ImageProxy) {
        image.use {
            try {
                session.handleFrame(timestamps.toSession(it.imageInfo.timestamp), yuv(it))
            } catch (_: SdkException.ShutDown) {
                // closed while a frame was on its way
            } catch (e: SdkException) {
                onRefused(e)
            }
        }
    }

    private fun yuv(image: ImageProxy): YuvImage {
        val planes = image.planes
        return YuvImage(
            image.width,
            image.height,
            planes[0].buffer,
            planes[1].buffer,
            planes[2].buffer,
            planes[0].rowStride,
            planes[1].rowStride,
            planes[1].pixelStride,
            rotationOf(image.imageInfo.rotationDegrees),
            mirror,
            if (cropToViewport) upright(image) else null,
        )
    }

    /** The crop rectangle, which is in pixels of the buffer, in pixels of the upright and mirrored frame. */
    internal fun upright(image: ImageProxy): Rect {
        val crop = image.cropRect
        val (width, height) = image.width to image.height
        val (left, top, right, bottom) = when (image.imageInfo.rotationDegrees) {
            90 -> listOf(height - crop.bottom, crop.left, height - crop.top, crop.right)
            180 -> listOf(width - crop.right, height - crop.bottom, width - crop.left, height - crop.top)
            270 -> listOf(crop.top, width - crop.right, crop.bottom, width - crop.left)
            else -> listOf(crop.left, crop.top, crop.right, crop.bottom)
        }
        val across = if (image.imageInfo.rotationDegrees % 180 == 90) height else width
        val x0 = if (mirror) across - right else left
        val x1 = if (mirror) across - left else right
        return Rect(x0.toFloat(), top.toFloat(), x1.toFloat(), bottom.toFloat())
    }
}
