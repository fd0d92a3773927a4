package dev.inbetween

import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * An answer that is read in place: for displays at high rates, where one object for each box and refresh is too much.
 *
 * Make one for each thread that draws, and hand it to [InbetweenSession.answerInto] again and again. Reading allocates
 * nothing. Elements are counted from 0 to [count]; asking for one of another [kind] than the accessor's is an error.
 *
 * **Invariant:** it says the same, bit for bit, as the [Answer] of the same call. It is not for two threads at once.
 */
public class PackedAnswer(capacity: Int = 4096) {
    internal var memory: ByteBuffer = direct(capacity.coerceAtLeast(HEADER))
        private set

    /** What kind of value an answer has. */
    public enum class Kind {
        /** There is none. */
        NONE,

        /** [number] 0. */
        SCALAR,

        /** [number]. */
        VECTOR,

        /** [left], [top], [right], [bottom], [score], [classIndex], [identity]. */
        BOXES,

        /** [x], [y], [visibility]. */
        KEYPOINTS,

        /** [number]. */
        PROBABILITIES,

        /** [classIndex] 0 and [score] 0. */
        LABEL,

        /** [number] 0 to 3: w, x, y, z of a unit quaternion. */
        ROTATION,

        /** [number]. */
        EMBEDDING,

        /** [cell], on a grid of [columns] in the box [left], [top], [right], [bottom] 0. */
        MASK,

        /** One that this version has no name for. */
        OTHER,
    }

    /** Where the answer came from. */
    public val source: Source
        get() = when (val number = memory.get(40).toInt()) {
            3 -> PREDICTED[(memory.get(41) - 1).coerceIn(0, PREDICTED.size - 1)]
            else -> SOURCES[number.coerceIn(0, SOURCES.size - 1)]
        }

    /** Capture time of the key frame behind it, or −1: there is none for a rule and for unavailable. */
    public val keyFrameNanos: Long get() = memory.getLong(8)

    /** Display time less the key frame's capture time. */
    public val ageNanos: Long get() = memory.getLong(16)

    /** How far the value was carried beyond the newest evidence. */
    public val horizonNanos: Long get() = memory.getLong(24)

    /** The error that is exceeded with the card's `miss_rate`, in the unit of its `epsilon`. */
    public val uncertainty: Float get() = memory.getFloat(32)

    /** The variant of the model that gave the newest result behind it: 0 is the model itself. */
    public val variant: Int get() = memory.get(45).toInt() and 0xff

    /** That variant's version, as the card states it. */
    public val modelVersion: Int get() = memory.getInt(36)

    /** Whether the engine believes the error to be within the card's tolerance at this display time. */
    public val withinTolerance: Boolean get() = memory.get(43).toInt() != 0

    /** Why the answer is worse than promised, when it is. */
    public val degraded: Degraded?
        get() = DEGRADED.getOrNull(memory.get(42) - 1)

    /** What is to be done, when the card says what mistakes cost. */
    public val action: Action?
        get() = ACTIONS.getOrNull(memory.get(46) - 1)

    /** What is to be done as long as nobody has reviewed it. */
    public val meanwhile: Action?
        get() = ACTIONS.getOrNull(memory.get(47) - 1)

    /** The calibrated probability of the card's positive class; 0 when nothing is decided. */
    public val probability: Double get() = memory.getDouble(56)

    /** What [action] is expected to cost, in the unit of the card's costs; 0 when nothing is decided. */
    public val expectedCost: Double get() = memory.getDouble(64)

    /** The result that a label belongs to, or −1; see [InbetweenSession.handleLabel]. */
    public val prediction: Long get() = memory.getLong(80)

    /** What the value is. */
    public val kind: Kind
        get() = KINDS[(memory.get(44).toInt() and 0xff).coerceAtMost(KINDS.size - 1)]

    /** How many elements the value has. */
    public val count: Int get() = memory.getInt(48)

    /** Number [index] of a scalar, a vector, probabilities, a rotation or an embedding. */
    public fun number(index: Int): Float = float(index, 0, NUMBERS)

    /** Left edge of box [index], or of a mask's grid, in pixels of the upright frame. */
    public fun left(index: Int): Float = edge(index, 0)

    /** Top edge of box [index], or of a mask's grid. */
    public fun top(index: Int): Float = edge(index, 4)

    /** Right edge of box [index], or of a mask's grid. */
    public fun right(index: Int): Float = edge(index, 8)

    /** Bottom edge of box [index], or of a mask's grid. */
    public fun bottom(index: Int): Float = edge(index, 12)

    /** Cells in a row of a mask. */
    public val columns: Int
        get() {
            at(0, 0, MASK)
            return memory.getInt(HEADER + 16)
        }

    /** The share of cell [index] of a mask that is inside, from 0 to 255, row by row; a boundary is at 128. */
    public fun cell(index: Int): Int = memory.get(at(index, MASK_HEADER, MASK)).toInt() and 0xff

    /** Confidence of box or label [index], from 0 to 1. */
    public fun score(index: Int): Float =
        if (kind == Kind.LABEL) float(index, 4, LABEL) else float(index, 16, BOXES)

    /** The model's class index of box or label [index]. */
    public fun classIndex(index: Int): Int =
        if (kind == Kind.LABEL) int(index, 0, LABEL) else int(index, 20, BOXES)

    /** Who box [index] is, stable while it is followed; −1 when it is nobody that was met before. */
    public fun identity(index: Int): Long =
        if (int(index, 28, BOXES) == 0) -1 else int(index, 24, BOXES).toLong() and 0xffff_ffffL

    /** Point [index], to the right, in pixels of the upright frame. */
    public fun x(index: Int): Float = float(index, 0, KEYPOINTS)

    /** Point [index], down. */
    public fun y(index: Int): Float = float(index, 4, KEYPOINTS)

    /** The model's belief that point [index] can be seen, from 0 to 1. */
    public fun visibility(index: Int): Float = float(index, 8, KEYPOINTS)

    /** The same as plain data, which outlives the next call. */
    public fun toAnswer(): Answer = Answer(
        value = value(),
        source = source,
        keyFrameNanos = keyFrameNanos.takeIf { it >= 0 },
        ageNanos = ageNanos,
        horizonNanos = horizonNanos,
        uncertainty = uncertainty,
        withinTolerance = withinTolerance,
        variant = variant.toUByte(),
        modelVersion = modelVersion.toUInt(),
        degraded = degraded,
        prediction = prediction.takeIf { it >= 0 }?.toULong(),
        decision = decision(),
    )

    private fun decision(): Decision? {
        val action = action ?: return null
        val rung = RUNGS.getOrElse(memory.get(72) - 1) { Rung.OTHER }
        return Decision(action, meanwhile ?: action, probability, expectedCost, rung)
    }

    private fun value(): Value? = when (kind) {
        Kind.NONE -> null
        Kind.SCALAR -> Value.Scalar(number(0))
        Kind.VECTOR -> Value.Vector(List(count) { number(it) })
        Kind.BOXES -> Value.Boxes(
            List(count) {
                val identity = identity(it)
                DetectedBox(
                    bounds = Rect(left(it), top(it), right(it), bottom(it)),
                    score = score(it),
                    classIndex = classIndex(it).toUInt(),
                    identity = if (identity < 0) null else identity.toUInt(),
                )
            },
        )
        Kind.KEYPOINTS -> Value.Keypoints(List(count) { Keypoint(x(it), y(it), visibility(it)) })
        Kind.PROBABILITIES -> Value.Probabilities(List(count) { number(it) })
        Kind.LABEL -> Value.Label(classIndex(0).toUInt(), score(0))
        Kind.ROTATION -> Value.Rotation(number(0), number(1), number(2), number(3))
        Kind.EMBEDDING -> Value.Embedding(List(count) { number(it) })
        Kind.MASK -> Value.Mask(
            bounds = Rect(left(0), top(0), right(0), bottom(0)),
            width = columns.toUShort(),
            height = memory.getInt(HEADER + 20).toUShort(),
            cells = ByteArray(count) { cell(it).toByte() },
        )
        Kind.OTHER -> Value.Other
    }

    /** Makes room; what was in it is lost. */
    internal fun grow(needed: Int) {
        memory = direct(maxOf(needed, 2 * memory.capacity()))
    }

    /** Writes what the native side would, for the path without it. */
    internal fun set(answer: Answer) {
        val value = answer.value
        val count = countOf(value)
        val total = HEADER + count * sizeOf(value) + if (value is Value.Mask) MASK_HEADER else 0
        if (total > memory.capacity()) grow(total)
        val out = memory
        out.putInt(0, 2).putInt(4, total)
        out.putLong(8, answer.keyFrameNanos ?: -1)
        out.putLong(16, answer.ageNanos).putLong(24, answer.horizonNanos)
        out.putFloat(32, answer.uncertainty).putInt(36, answer.modelVersion.toInt())
        val source = answer.source
        out.put(40, (if (source is Source.Predicted) 3 else SOURCES.lastIndexOf(source)).toByte())
        out.put(41, (if (source is Source.Predicted) 1 + source.carry.ordinal else 0).toByte())
        out.put(42, (answer.degraded?.let { 1 + it.ordinal } ?: 0).toByte())
        out.put(43, if (answer.withinTolerance) 1 else 0)
        out.put(44, numberOf(value).toByte()).put(45, answer.variant.toByte())
        out.putInt(48, count).putInt(52, sizeOf(value))
        val decision = answer.decision
        out.put(46, (decision?.let { 1 + it.action.ordinal } ?: 0).toByte())
        out.put(47, (decision?.let { 1 + it.meanwhile.ordinal } ?: 0).toByte())
        out.putDouble(56, decision?.probability ?: 0.0).putDouble(64, decision?.expectedCost ?: 0.0)
        out.putLong(80, answer.prediction?.toLong() ?: -1)
        out.put(72, (decision?.let { 1 + it.rung.ordinal } ?: 0).toByte())
        elements(value, out)
    }

    private fun elements(value: Value?, out: ByteBuffer) {
        when (value) {
            is Value.Scalar -> out.putFloat(HEADER, value.number)
            is Value.Vector -> value.numbers.forEachIndexed { n, x -> out.putFloat(HEADER + 4 * n, x) }
            is Value.Probabilities -> value.shares.forEachIndexed { n, x -> out.putFloat(HEADER + 4 * n, x) }
            is Value.Embedding -> value.numbers.forEachIndexed { n, x -> out.putFloat(HEADER + 4 * n, x) }
            is Value.Rotation -> {
                out.putFloat(HEADER, value.w).putFloat(HEADER + 4, value.x)
                out.putFloat(HEADER + 8, value.y).putFloat(HEADER + 12, value.z)
            }
            is Value.Boxes -> value.boxes.forEachIndexed { n, box ->
                val at = HEADER + 32 * n
                out.putFloat(at, box.bounds.x0).putFloat(at + 4, box.bounds.y0)
                out.putFloat(at + 8, box.bounds.x1).putFloat(at + 12, box.bounds.y1)
                out.putFloat(at + 16, box.score).putInt(at + 20, box.classIndex.toInt())
                out.putInt(at + 24, box.identity?.toInt() ?: 0).putInt(at + 28, if (box.identity == null) 0 else 1)
            }
            is Value.Keypoints -> value.points.forEachIndexed { n, point ->
                val at = HEADER + 12 * n
                out.putFloat(at, point.x).putFloat(at + 4, point.y).putFloat(at + 8, point.visibility)
            }
            is Value.Mask -> {
                out.putFloat(HEADER, value.bounds.x0).putFloat(HEADER + 4, value.bounds.y0)
                out.putFloat(HEADER + 8, value.bounds.x1).putFloat(HEADER + 12, value.bounds.y1)
                out.putInt(HEADER + 16, value.width.toInt()).putInt(HEADER + 20, value.height.toInt())
                value.cells.forEachIndexed { n, share -> out.put(HEADER + MASK_HEADER + n, share) }
            }
            is Value.Label -> out.putInt(HEADER, value.classIndex.toInt()).putFloat(HEADER + 4, value.score)
            else -> Unit
        }
    }

    private fun edge(index: Int, offset: Int): Float =
        if (kind == Kind.MASK) memory.getFloat(at(0, offset, MASK)) else float(index, offset, BOXES)

    private fun float(index: Int, offset: Int, kinds: Int): Float = memory.getFloat(at(index, offset, kinds))

    private fun int(index: Int, offset: Int, kinds: Int): Int = memory.getInt(at(index, offset, kinds))

    private fun at(index: Int, offset: Int, kinds: Int): Int {
        if (kinds shr kind.ordinal and 1 == 0) throw IllegalStateException("the value is of kind $kind")
        if (index < 0 || index >= count) throw IndexOutOfBoundsException("element $index of $count")
        return HEADER + index * memory.getInt(52) + offset
    }

    private companion object {
        const val HEADER = 88

        // Sets of kinds, a bit for each; an array would be garbage at every access.
        const val NUMBERS = (1 shl 1) or (1 shl 2) or (1 shl 5) or (1 shl 7) or (1 shl 8)
        const val BOXES = 1 shl 3
        const val KEYPOINTS = 1 shl 4
        const val LABEL = 1 shl 6
        const val MASK = 1 shl 9

        /** Bytes of a mask before its cells. */
        const val MASK_HEADER = 24

        val KINDS = Kind.values()
        val DEGRADED = Degraded.values()
        val ACTIONS = Action.values()
        val RUNGS = Rung.values()
        val PREDICTED = Carry.values().map { Source.Predicted(it) }
        val SOURCES = listOf(
            Source.Model,
            Source.Cached,
            Source.Interpolated,
            Source.Other, // stands for predicted, which has a carry
            Source.Rule,
            Source.Unavailable,
            Source.Other,
        )

        fun direct(capacity: Int): ByteBuffer = ByteBuffer.allocateDirect(capacity).order(ByteOrder.nativeOrder())

        fun numberOf(value: Value?): Int = when (value) {
            null -> 0
            is Value.Scalar -> 1
            is Value.Vector -> 2
            is Value.Boxes -> 3
            is Value.Keypoints -> 4
            is Value.Probabilities -> 5
            is Value.Label -> 6
            is Value.Rotation -> 7
            is Value.Embedding -> 8
            is Value.Mask -> 9
            else -> 255
        }

        fun countOf(value: Value?): Int = when (value) {
            is Value.Scalar, is Value.Label -> 1
            is Value.Vector -> value.numbers.size
            is Value.Embedding -> value.numbers.size
            is Value.Rotation -> 4
            is Value.Mask -> value.cells.size
            is Value.Boxes -> value.boxes.size
            is Value.Keypoints -> value.points.size
            is Value.Probabilities -> value.shares.size
            else -> 0
        }

        fun sizeOf(value: Value?): Int = when (value) {
            is Value.Boxes -> 32
            is Value.Keypoints -> 12
            is Value.Label -> 8
            is Value.Mask -> 1
            is Value.Scalar, is Value.Vector, is Value.Probabilities, is Value.Rotation, is Value.Embedding -> 4
            else -> 0
        }
    }
}
