package dev.inbetween.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import android.view.Surface
import android.view.SurfaceHolder
import android.view.SurfaceView
import android.widget.FrameLayout
import dev.inbetween.DeviceState
import dev.inbetween.DisplayClock
import dev.inbetween.ImageFrames
import dev.inbetween.InbetweenLog
import dev.inbetween.InbetweenSession
import dev.inbetween.PackedAnswer
import dev.inbetween.PerformanceHints
import dev.inbetween.SdkException
import dev.inbetween.SessionOptions
import dev.inbetween.follow
import dev.inbetween.open
import dev.inbetween.rotationOf
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch

/** Camera preview with the detector's boxes over it, coloured by where each answer came from. */
public class MainActivity : Activity(), SurfaceHolder.Callback {
    private val scope = CoroutineScope(Dispatchers.Main.immediate + SupervisorJob())
    private val rates = Rates()
    private lateinit var preview: SurfaceView
    private lateinit var boxes: Overlay
    private var surface: Surface? = null
    private var resumed = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        InbetweenLog.toLogcat()
        preview = SurfaceView(this)
        boxes = Overlay(this, rates)
        setContentView(
            FrameLayout(this).apply {
                addView(preview)
                addView(boxes)
            },
        )
        preview.holder.addCallback(this)
    }

    override fun onResume() {
        super.onResume()
        resumed = true
        if (isAllowed()) begin() else requestPermissions(arrayOf(Manifest.permission.CAMERA), 0)
    }

    override fun onPause() {
        resumed = false
        scope.coroutineContext.cancelChildren() // the session and the camera are closed with it
        super.onPause()
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    override fun surfaceCreated(holder: SurfaceHolder) {
        surface = holder.surface
        begin()
    }

    override fun surfaceChanged(holder: SurfaceHolder, format: Int, width: Int, height: Int) {}

    override fun surfaceDestroyed(holder: SurfaceHolder) {
        surface = null
        scope.coroutineContext.cancelChildren()
    }

    /** Begins once there are a surface, a permission and the foreground. */
    private fun begin() {
        val surface = surface
        if (!resumed || surface == null || !isAllowed()) return
        scope.coroutineContext.cancelChildren()
        scope.launch { live(surface) }
    }

    private suspend fun live(surface: Surface) {
        val hints = PerformanceHints(this, targetNanos = RUN_TARGET_NANOS)
        val session = try {
            InbetweenSession.open(this, "detector", SessionOptions(observer = Observers(hints, rates)))
        } catch (e: SdkException) {
            boxes.problem = e.describe()
            return
        }
        hints.use { session.use { Camera(this).use { camera -> show(session, camera, surface) } } }
    }

    private suspend fun show(session: InbetweenSession, camera: Camera, surface: Surface): Unit = coroutineScope {
        launch { session.follow(DeviceState(this@MainActivity)) }
        val turn = rotationOf(camera.characteristics, displayDegrees())
        val frames = ImageFrames(session, turn, timestamps = camera.timestamps) { boxes.problem = it.describe() }
        camera.open(surface) { reader ->
            rates.frame()
            frames.onImageAvailable(reader)
        }
        boxes.upright(camera.size, turn)
        val answer = PackedAnswer()
        DisplayClock(this@MainActivity).refreshes().collect { displayNanos ->
            session.answerInto(displayNanos, answer)
            boxes.show(answer)
        }
    }

    private fun isAllowed() =
        checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    @Suppress("DEPRECATION") // Context.getDisplay needs API 30
    private fun displayDegrees(): Int = 90 * windowManager.defaultDisplay.rotation

    private companion object {
        /** How long a run should take, in nanoseconds; half of the card's deadline. */
        const val RUN_TARGET_NANOS = 75_000_000L
    }
}
