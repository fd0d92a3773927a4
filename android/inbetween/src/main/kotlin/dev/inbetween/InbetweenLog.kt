package dev.inbetween

import android.util.Log

/**
 * Where the SDK's log goes. Nowhere by default; messages below the level are not even put into words.
 *
 * **Invariant:** one sink for the process. One that throws is dropped and [problem] says why; the call that had something
 * to say goes on as if nothing had happened.
 */
public object InbetweenLog {
    /** Writes one message; on the thread that made the call, which holds no lock of the SDK. */
    public fun interface Sink {
        /** Writes [message] of the part [target]. */
        public fun log(level: LogLevel, target: String, message: String)
    }

    /** Sends messages down to [level] to logcat, with the tag `Inbetween`. */
    @JvmStatic
    public fun toLogcat(level: LogLevel = LogLevel.WARN) {
        to(level) { at, target, message ->
            Log.println(priority(at), TAG, "$target: $message")
        }
    }

    /** Sends messages down to [level] to [sink]. */
    @JvmStatic
    public fun to(level: LogLevel, sink: Sink) {
        install(
            object : LogSink {
                override fun log(level: LogLevel, target: String, message: String) = sink.log(level, target, message)
            },
            level,
        )
    }

    /** Sends nothing any more. */
    @JvmStatic
    public fun off() {
        install(null, LogLevel.OFF)
    }

    /** Why the sink is not called any more, if it threw. */
    @JvmStatic
    public val problem: String? get() = logProblem()

    private fun install(sink: LogSink?, level: LogLevel) {
        try {
            setLogSink(sink, level)
        } catch (e: LogSinkException) {
            throw IllegalStateException("the SDK's log cannot be taken over: ${e.message}", e)
        }
    }

    internal fun priority(level: LogLevel): Int = when (level) {
        LogLevel.OFF, LogLevel.ERROR -> Log.ERROR
        LogLevel.WARN -> Log.WARN
        LogLevel.INFO -> Log.INFO
        LogLevel.DEBUG -> Log.DEBUG
        LogLevel.TRACE -> Log.VERBOSE
    }

    private const val TAG = "Inbetween"
}
