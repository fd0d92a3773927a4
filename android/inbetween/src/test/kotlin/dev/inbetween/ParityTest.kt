package dev.inbetween

import java.io.File
import java.nio.ByteBuffer
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

/** The scenario that the facade was asked in Rust, replayed by both paths: the same results, floats bit for bit. */
class ParityTest {
    private val vectors = JSONObject(File(System.getProperty("inbetween.vectors")).readText())
    private val pictures = vectors.getJSONArray("pictures").let { list ->
        List(list.length()) { Spot.direct(bytes(list.getString(it))) }
    }
    private val calls = calls(vectors)
    private val kinds = vectors.getJSONArray("kinds").let { list -> List(list.length()) { list.getJSONObject(it) } }

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `every call gives what the facade gave`(fast: Boolean) = replay(vectors.getString("card"), calls, fast)

    @ParameterizedTest
    @ValueSource(booleans = [true, false])
    fun `every kind of value crosses`(fast: Boolean) {
        assertTrue(kinds.size >= 6)
        for (scenario in kinds) replay(scenario.getString("card"), calls(scenario), fast)
    }

    @ParameterizedTest
    @ValueSource(strings = ["frame", "answer", "completion", "environment", "reset", "timeout", "event"])
    fun `the scenario has calls of each kind`(kind: String) =
        assertTrue(calls.any { it.getString("call") == kind })

    private fun calls(scenario: JSONObject) =
        scenario.getJSONArray("calls").let { list -> List(list.length()) { list.getJSONObject(it) } }

    private fun replay(card: String, calls: List<JSONObject>, fast: Boolean) {
        val core = Session(card, Spot.direct(bytes(vectors.getString("model"))), seed())
        core.use {
            val hot = if (fast) JniPath(core) else PlainPath(core)
            calls.forEachIndexed { number, call -> replay(core, hot, call, "call $number: $call".take(200)) }
            assertEquals(null, core.pollEvent())
        }
    }

    private fun seed() = vectors.getLong("seed").toULong()

    private fun replay(core: Session, hot: HotPath, call: JSONObject, where: String) {
        when (call.getString("call")) {
            "frame" -> assertEquals(call.getJSONObject("gives").toString(), frame(core, hot, call).toString(), where)
            "completion" -> {
                val admission = hot.handleCompletion(call.getLong("now"), call.getLong("ticket").toULong())
                assertEquals(call.getString("gives"), name(admission), where)
            }
            "answer" -> {
                val packed = PackedAnswer()
                hot.answerInto(call.getLong("display"), packed)
                assertEquals(call.getJSONArray("gives").toString(), list(packed.toAnswer()).toString(), where)
            }
            "environment" -> {
                val hot1 = call.getBoolean("hot")
                core.handleEnvironment(call.getLong("now"), Environment(if (hot1) 1.1f else null, hot1, null))
            }
            "reset" -> core.reset()
            "timeout" -> {
                val due = core.pollTimeout()
                assertNotNull(due, where)
                val gives = JSONArray(listOf(due!!.atNanos, due.reason.javaClass.simpleName))
                assertEquals(call.getJSONArray("gives").toString(), gives.toString(), where)
            }
            "event" -> assertEquals(call.getString("gives"), core.pollEvent()?.javaClass?.simpleName, where)
            else -> error(where)
        }
    }

    private fun frame(core: Session, hot: HotPath, call: JSONObject): JSONObject {
        val turned = call.getBoolean("turned")
        val offsets = call.getJSONArray("offsets")
        val stride = call.getInt("stride").toUInt()
        val image = ImageGeometry(
            format = PixelFormat.valueOf(call.getString("format").uppercase()),
            width = call.getInt("width").toUInt(),
            height = call.getInt("height").toUInt(),
            planes = List(offsets.length()) { PlaneLayout(offsets.getInt(it).toUInt(), stride) },
            rotation = if (turned) Rotation.CW90 else Rotation.UPRIGHT,
            mirror = turned,
            region = null,
            motion = call.optJSONArray("motion")?.let(::motion),
        )
        val plan = try {
            hot.handleFrame(call.getLong("now"), call.getLong("captured"), image, pictures[call.getInt("picture")])
        } catch (e: SdkException.Frame) {
            return JSONObject().put("error", e.problem)
        }
        return when (plan) {
            is FramePlan.Skip -> JSONObject().put("skip", name(plan.reason))
            is FramePlan.Run -> {
                core.run(plan.ticket)
                JSONObject().put("run", JSONArray(listOf(plan.ticket.toLong(), name(plan.reason), plan.expiresNanos)))
            }
        }
    }

    private fun motion(list: JSONArray): CameraMotion {
        fun at(index: Int) = list.getDouble(index).toFloat()
        return CameraMotion(at(0), at(1), at(2), at(3), at(4), at(5))
    }

    /** An answer in the order of its fields, as `bindings/examples/vectors.rs` writes it. */
    private fun list(answer: Answer): JSONArray {
        val source = answer.source
        return JSONArray()
            .put(answer.value?.let { value(it) } ?: JSONObject.NULL)
            .put(if (source is Source.Predicted) "Predicted ${name(source.carry)}" else source.javaClass.simpleName)
            .put(answer.keyFrameNanos ?: JSONObject.NULL)
            .put(answer.ageNanos)
            .put(answer.horizonNanos)
            .put(bits(answer.uncertainty))
            .put(answer.withinTolerance)
            .put(answer.modelVersion.toLong())
            .put(answer.degraded?.let { name(it) } ?: JSONObject.NULL)
            .put(answer.prediction?.toLong() ?: JSONObject.NULL)
    }

    /** A value as the name of its kind and the bits of its numbers; boxes without the name. */
    private fun value(value: Value): JSONArray {
        fun all(numbers: List<Float>) = JSONArray(numbers.map { bits(it) })
        fun named(name: String, numbers: List<Float>) = JSONArray().put(name).put(all(numbers))
        return when (value) {
            is Value.Boxes -> JSONArray(
                value.boxes.map { box ->
                    val edges = listOf(box.bounds.x0, box.bounds.y0, box.bounds.x1, box.bounds.y1, box.score)
                    val identity = box.identity?.toLong() ?: JSONObject.NULL
                    JSONArray().put(all(edges)).put(box.classIndex.toLong()).put(identity)
                },
            )
            is Value.Vector -> named("Vector", value.numbers)
            is Value.Probabilities -> named("Probabilities", value.shares)
            is Value.Embedding -> named("Embedding", value.numbers)
            is Value.Keypoints -> named("Keypoints", value.points.flatMap { listOf(it.x, it.y, it.visibility) })
            is Value.Label -> JSONArray().put("Label").put(value.classIndex.toLong()).put(all(listOf(value.score)))
            is Value.Rotation -> named("Rotation", listOf(value.w, value.x, value.y, value.z))
            is Value.Mask -> JSONArray()
                .put("Mask")
                .put(value.width.toInt())
                .put(value.height.toInt())
                .put(all(value.bounds.run { listOf(x0, y0, x1, y1) }))
                .put(value.cells.joinToString("") { "%02x".format(it) })
            else -> error("a value of kind $value")
        }
    }

    private fun bits(number: Float) = number.toRawBits().toLong() and 0xffff_ffffL

    /** `WITHIN_TOLERANCE` or an object as Rust's debug format writes it. */
    private fun name(value: Any): String = when (value) {
        is Enum<*> -> value.name.split('_').joinToString("") { it.lowercase().replaceFirstChar(Char::uppercase) }
        is Admission.Failed -> "Failed(${failure(value.failure)})"
        else -> value.javaClass.simpleName
    }

    private fun failure(failure: RunFailure) =
        if (failure is RunFailure.Refused) "Refused(${name(failure.fault)})" else failure.javaClass.simpleName

    private fun bytes(hex: String) = ByteArray(hex.length / 2) { hex.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
}
