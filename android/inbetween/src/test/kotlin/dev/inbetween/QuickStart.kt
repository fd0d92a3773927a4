package dev.inbetween

import android.content.Context
import android.media.ImageReader
import android.os.Handler

// The README shows what is between the marks; QuickStartTest compares the two.

// quick start
/** Shows the answers of `assets/face.toml` and `assets/face.onnx` until the coroutine is cancelled. */
suspend fun watch(context: Context, camera: ImageReader, thread: Handler, turn: Rotation, draw: (Answer) -> Unit) {
    InbetweenSession.open(context, "face").use { session ->
        camera.setOnImageAvailableListener(ImageFrames(session, turn), thread)
        session.answers(DisplayClock(context).refreshes()).collect { answer ->
            draw(answer) // answer.value, answer.source, answer.withinTolerance
        }
    }
}
// end
