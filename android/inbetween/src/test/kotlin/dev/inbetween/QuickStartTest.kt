package dev.inbetween

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The documentation shows code that compiles. */
class QuickStartTest {
    private val source = Spot.root.resolve("android/inbetween/src/test/kotlin/dev/inbetween/QuickStart.kt").readText()
    private val shown = source.substringAfter("// quick start\n").substringBefore("// end")

    @Test
    fun `the README shows the quick start that is compiled here`() {
        val readme = Spot.root.resolve("android/README.md").readText()
        assertEquals(shown, readme.substringAfter("<!-- quick start -->\n```kotlin\n").substringBefore("```"))
    }

    @Test
    fun `it is ten lines`() = assertTrue(shown.trim().lines().size <= 10, shown)
}
