package dev.inbetween.sample

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Size
import android.view.Surface
import dev.inbetween.CameraTimestamps
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine

/** The back camera: a preview on a surface, and images for the session on a thread of its own. */
internal class Camera(context: Context) : AutoCloseable {
    private val manager = context.getSystemService(Context.CAMERA_SERVICE) as CameraManager
    private val id = manager.cameraIdList.first { facing(it) == CameraCharacteristics.LENS_FACING_BACK }
    private val thread = HandlerThread("camera").apply { start() }
    private val handler = Handler(thread.looper)
    private val reader: ImageReader

    @Volatile
    private var device: CameraDevice? = null

    val characteristics: CameraCharacteristics = manager.getCameraCharacteristics(id)
    val timestamps: CameraTimestamps = CameraTimestamps.of(characteristics)
    val size: Size

    init {
        val sizes = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
            ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
        size = sizes.filter { it.width <= WIDEST }.maxByOrNull { it.width * it.height } ?: sizes.first()
        reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, BUFFERS)
    }

    /** Opens the camera; the activity has asked for the permission. */
    @SuppressLint("MissingPermission")
    suspend fun open(preview: Surface, onImage: (ImageReader) -> Unit) {
        reader.setOnImageAvailableListener(onImage, handler)
        val camera = suspendCancellableCoroutine<CameraDevice> { waiting ->
            manager.openCamera(
                id,
                object : CameraDevice.StateCallback() {
                    override fun onOpened(camera: CameraDevice) {
                        device = camera
                        waiting.resume(camera)
                    }

                    override fun onDisconnected(camera: CameraDevice) = camera.close()

                    override fun onError(camera: CameraDevice, error: Int) {
                        camera.close()
                        if (waiting.isActive) waiting.resumeWithException(IllegalStateException("camera error $error"))
                    }
                },
                handler,
            )
        }
        val session = configure(camera, listOf(preview, reader.surface))
        val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply {
            addTarget(preview)
            addTarget(reader.surface)
        }
        session.setRepeatingRequest(request.build(), null, handler)
    }

    override fun close() {
        device?.close()
        reader.close()
        thread.quitSafely()
    }

    @Suppress("DEPRECATION") // SessionConfiguration needs API 28
    private suspend fun configure(camera: CameraDevice, outputs: List<Surface>): CameraCaptureSession =
        suspendCancellableCoroutine { waiting ->
            camera.createCaptureSession(
                outputs,
                object : CameraCaptureSession.StateCallback() {
                    override fun onConfigured(session: CameraCaptureSession) = waiting.resume(session)

                    override fun onConfigureFailed(session: CameraCaptureSession) {
                        waiting.resumeWithException(IllegalStateException("the camera refuses its outputs"))
                    }
                },
                handler,
            )
        }

    private fun facing(id: String) = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING)

    private companion object {
        /** Widest image for the session, in pixels: the model sees less. */
        const val WIDEST = 1280

        /** Images in flight: one with the session, one on its way, one to spare. */
        const val BUFFERS = 3
    }
}
