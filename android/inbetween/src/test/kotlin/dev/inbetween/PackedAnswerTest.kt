package dev.inbetween

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.MethodSource

class PackedAnswerTest {
    @ParameterizedTest
    @MethodSource("answers")
    fun `it says what the record says`(answer: Answer) {
        val packed = PackedAnswer(capacity = 0)
        packed.set(answer)
        assertEquals(answer, packed.toAnswer())
        assertEquals(answer.degraded, packed.degraded)
        assertEquals(answer.source, packed.source)
    }

    @Test
    fun `elements of another kind, and none, are errors`() {
        val packed = PackedAnswer()
        packed.set(answer(Value.Vector(listOf(1f, 2f))))
        assertEquals(2f, packed.number(1))
        assertThrows(IndexOutOfBoundsException::class.java) { packed.number(2) }
        assertThrows(IndexOutOfBoundsException::class.java) { packed.number(-1) }
        assertThrows(IllegalStateException::class.java) { packed.left(0) }
        assertThrows(IllegalStateException::class.java) { packed.identity(0) }
        packed.set(answer(null))
        assertThrows(IllegalStateException::class.java) { packed.number(0) }
        assertEquals(-1, packed.keyFrameNanos)
    }

    @Test
    fun `a mask is a grid in a box`() {
        val packed = PackedAnswer(capacity = 0)
        val cells = byteArrayOf(0, 127, -128, -1, 5, 6)
        packed.set(answer(Value.Mask(Rect(1f, 2f, 3f, 4f), 3u, 2u, cells)))
        val mask = packed.toAnswer().value as Value.Mask
        assertEquals(listOf(Rect(1f, 2f, 3f, 4f), 3, 2), listOf(mask.bounds, mask.width.toInt(), mask.height.toInt()))
        assertEquals(cells.toList(), mask.cells.toList())
        assertEquals(listOf(0, 127, 128, 255, 5, 6), List(packed.count) { packed.cell(it) })
        assertEquals(3 to 4f, packed.columns to packed.bottom(0))
        assertThrows(IndexOutOfBoundsException::class.java) { packed.cell(6) }
    }

    @Test
    fun `it grows with the answer`() {
        val packed = PackedAnswer(capacity = 64)
        val many = answer(Value.Vector(List(10_000) { it.toFloat() }))
        packed.set(many)
        assertEquals(many, packed.toAnswer())
    }

    companion object {
        fun answer(
            value: Value?,
            source: Source = Source.Model,
            degraded: Degraded? = null,
            decision: Decision? = null,
        ) = Answer(value, source, value?.let { 77 }, 5, 6, 0.25f, value != null, 2u, 3u, degraded, value?.let { 9uL }, decision)

        @JvmStatic
        fun answers(): List<Answer> {
            val box = DetectedBox(Rect(1f, 2f, 3f, 4f), 0.5f, UInt.MAX_VALUE, UInt.MAX_VALUE)
            val values = listOf(
                null,
                Value.Scalar(1.5f),
                Value.Vector(listOf(1f, Float.NaN)),
                Value.Boxes(listOf()),
                Value.Boxes(listOf(box, box.copy(identity = null), box.copy(identity = 0u))),
                Value.Keypoints(listOf(Keypoint(1f, 2f, 0.5f))),
                Value.Probabilities(listOf(0.25f, 0.75f)),
                Value.Label(7u, 0.125f),
                Value.Rotation(1f, 2f, 3f, 4f),
                Value.Embedding(listOf(0.5f, -0.5f)),
                Value.Other,
            )
            val sources = Carry.values().map { Source.Predicted(it) } +
                listOf(Source.Cached, Source.Interpolated, Source.Rule, Source.Unavailable, Source.Other)
            return values.map { answer(it) } + sources.map { answer(null, it) } +
                Degraded.values().map { answer(null, degraded = it) } +
                Action.values().map { answer(null, decision = Decision(it, Action.NEGATIVE, 0.125, 1.5, Rung.RULE)) }
        }
    }
}
