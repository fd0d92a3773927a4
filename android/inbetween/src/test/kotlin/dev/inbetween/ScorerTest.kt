package dev.inbetween

import java.io.File
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Independent events: rows that the facade has scored in Rust, with the same bits here. */
class ScorerTest {
    private val vectors = JSONObject(File(System.getProperty("inbetween.vectors")).readText())
    private val events = vectors.getJSONObject("events")
    private val files = events.getJSONObject("files").let { files ->
        files.keySet().associateWith { bytes(files.getString(it)) }
    }

    @Test
    fun `ten thousand rows have the bits of the core`() {
        val names = events.getJSONArray("features")
        val (rows, gives) = events.getJSONArray("rows") to events.getJSONArray("gives")
        assertEquals(10_000, rows.length())
        InbetweenScorer(events.getString("card"), files).use { scorer ->
            for (n in 0 until rows.length()) {
                val row = rows.getJSONArray(n)
                val features = List(names.length()) { feature(names.getString(it), row.getString(it)) }
                val at = (1 + n) * 1_000_000_000L
                val decision = requireNotNull(scorer.score(at, at, features).decision)
                val bits = "%016x".format(decision.probability.toRawBits())
                assertEquals(gives.getString(n), "$bits ${word(decision.action)} ${word(decision.rung)}", "row $n")
            }
            assertTrue(requireNotNull(scorer.takeReview()).saves > 0)
        }
    }

    @Test
    fun `a negative time is typed`() {
        InbetweenScorer(events.getString("card"), files).use { scorer ->
            assertThrows(SdkException.NegativeTime::class.java) { scorer.score(-1, 1, emptyList()) }
        }
    }

    @Test
    fun `a missing file is typed`() {
        val thrown = assertThrows(SdkException.Missing::class.java) {
            InbetweenScorer(events.getString("card"), emptyMap())
        }
        assertEquals(105u, thrown.code())
    }

    @Test
    fun `buckets are frozen`() {
        val buckets = vectors.getJSONArray("buckets")
        assertTrue(buckets.length() >= 60)
        for (n in 0 until buckets.length()) {
            val (namespace, unit, wanted) = List(3) { buckets.getJSONArray(n).getString(it) }
            assertEquals(wanted.toInt(), InbetweenScorer.bucketOf(namespace, unit), "`$namespace` `$unit`")
        }
    }

    private fun feature(name: String, text: String): Feature {
        val number = text.toDoubleOrNull()
        return Feature(name, number, if (number == null && text.isNotEmpty()) text else null)
    }

    private fun word(value: Enum<*>) =
        value.name.split('_').joinToString("") { it.lowercase().replaceFirstChar(Char::uppercase) }

    private fun bytes(hex: String) = ByteArray(hex.length / 2) { hex.substring(2 * it, 2 * it + 2).toInt(16).toByte() }
}
