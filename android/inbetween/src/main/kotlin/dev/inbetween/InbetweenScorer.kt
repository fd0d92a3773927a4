package dev.inbetween

/**
 * A card's model, its variants and its rule, for events that have nothing to do with each other: payments, messages.
 *
 * Nothing is carried from one event to the next. All methods may be called from any thread; [score] takes as long as the
 * model takes. [close] frees the model, after a call that is under way.
 *
 * @param files the bytes of each file that the card names.
 * @throws SdkException when the card is refused, a file is missing, or a model cannot be used.
 */
public class InbetweenScorer
@Throws(SdkException::class)
constructor(card: String, files: Map<String, ByteArray>) : AutoCloseable {
    private val core = Scorer(card, files)

    /**
     * Scores one event and decides on it, where the card says what mistakes cost. Features that are missing or wrong take
     * the event down the card's ladder: that is no error.
     *
     * @param capturedNanos the event's own time; times are nanoseconds of one clock.
     */
    @Throws(SdkException::class)
    public fun score(nowNanos: Long, capturedNanos: Long, features: List<Feature>): ScoredEvent =
        core.score(nowNanos, capturedNanos, features)

    /** The next thing that the app may want to know. */
    @Throws(SdkException::class)
    public fun pollEvent(): Event? = core.pollEvent()

    /** The item that is the dearest to leave unseen, for a person who is free now; see [Event.Review]. */
    @Throws(SdkException::class)
    public fun takeReview(): ReviewItem? = core.takeReview()

    override fun close() {
        core.destroy()
    }

    public companion object {
        /** The bucket of a unit (an installation, a user) in a namespace, from 0 to 9,999: the same in every language, for ever. */
        @JvmStatic
        public fun bucketOf(namespace: String, unit: String): Int = bucket(namespace, unit).toInt()
    }
}
