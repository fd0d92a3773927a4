package dev.inbetween

import android.graphics.ImageFormat
import android.graphics.PixelFormat as AndroidPixelFormat
import android.hardware.camera2.CameraCharacteristics
import android.media.Image
import android.media.ImageReader

/**
 * Feeds the newest image of an [ImageReader] (camera2, `MediaCodec`) to a session and closes it.
 *
 * Set it as the reader's listener on a handler of its own. A frame that is refused is passed to [onRefused] and dropped;
 * when the session is closed, images are only closed.
 *
 * @param rotation the clockwise turn that makes the buffer upright: [rotationOf].
 * @param mirror whether the upright picture is shown flipped left–right, as front cameras are.
 * @param timestamps from the camera's clock to the session's.
 */
public class ImageFrames(
    private val session: InbetweenSession,
    private val rotation: Rotation,
    private val mirror: Boolean = false,
    private val timestamps: CameraTimestamps = CameraTimestamps.MONOTONIC,
    private val onRefused: (SdkException) -> Unit = {},
) : ImageReader.OnImageAvailableListener {
    override fun onImageAvailable(reader: ImageReader) {
        val image = reader.acquireLatestImage() ?: return
        image.use {
            try {
                session.handleImage(it, timestamps.toSession(it.timestamp), rotation, mirror)
            } catch (_: SdkException.ShutDown) {
                // closed while a frame was on its way
            } catch (e: SdkException) {
                onRefused(e)
            }
        }
    }
}

/**
 * Takes an [Image]: `YUV_420_888`, or `RGBA_8888`. It may be closed afterwards.
 *
 * @throws SdkException.Frame when its format is another, or it is not what the card promises.
 */
@Throws(SdkException::class)
public fun InbetweenSession.handleImage(
    image: Image,
    capturedNanos: Long,
    rotation: Rotation = Rotation.UPRIGHT,
    mirror: Boolean = false,
    region: Rect? = null,
): FramePlan {
    val planes = image.planes
    return when (image.format) {
        ImageFormat.YUV_420_888 -> handleFrame(
            capturedNanos,
            YuvImage(
                image.width,
                image.height,
                planes[0].buffer,
                planes[1].buffer,
                planes[2].buffer,
                planes[0].rowStride,
                planes[1].rowStride,
                planes[1].pixelStride,
                rotation,
                mirror,
                region,
            ),
        )
        AndroidPixelFormat.RGBA_8888 -> handleFrame(
            capturedNanos,
            ImageGeometry(
                PixelFormat.RGBA8,
                image.width.toUInt(),
                image.height.toUInt(),
                listOf(PlaneLayout(0u, planes[0].rowStride.toUInt())),
                rotation,
                mirror,
                region,
            ),
            planes[0].buffer,
        )
        else -> throw SdkException.Frame(
            FrameFault.Format,
            "image format ${image.format}: ask the camera for YUV_420_888 or RGBA_8888",
        )
    }
}

/** The clockwise turn by [degrees], a multiple of 90. */
public fun rotationOf(degrees: Int): Rotation = when (Math.floorMod(degrees, 360)) {
    0 -> Rotation.UPRIGHT
    90 -> Rotation.CW90
    180 -> Rotation.CW180
    270 -> Rotation.CW270
    else -> throw IllegalArgumentException("$degrees degrees: buffers are turned by multiples of 90")
}

/**
 * The clockwise turn that makes a camera's buffer upright on a display.
 *
 * @param sensorDegrees `SENSOR_ORIENTATION` of the camera.
 * @param displayDegrees how far the display is turned from its natural orientation: `Display.getRotation()` × 90.
 * @param front whether it looks at the user.
 */
public fun rotationOf(sensorDegrees: Int, displayDegrees: Int, front: Boolean): Rotation =
    rotationOf(if (front) sensorDegrees + displayDegrees else sensorDegrees - displayDegrees)

/** The same, read from the camera with [characteristics]. */
public fun rotationOf(characteristics: CameraCharacteristics, displayDegrees: Int): Rotation {
    val facing = characteristics.get(CameraCharacteristics.LENS_FACING)
    return rotationOf(
        characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0,
        displayDegrees,
        facing == CameraCharacteristics.LENS_FACING_FRONT,
    )
}
