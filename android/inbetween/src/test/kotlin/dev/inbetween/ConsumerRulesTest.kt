package dev.inbetween

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import proguard.Configuration
import proguard.ConfigurationParser
import proguard.ProGuard

/**
 * The rules that the library brings, on an app that was shrunk and renamed by them. R8 reads the same rules, and is not on
 * Maven's central repository: ProGuard stands in for it.
 */
class ConsumerRulesTest {
    private val root = Spot.root
    private val rules = File(root, "android/inbetween/consumer-rules.pro").readText()
    private val work = Files.createTempDirectory("inbetween-rules").toFile()

    @Test
    fun `a shrunk app does what the whole one does`() {
        val whole = output(listOf(classes("dev.inbetween.InbetweenSession"), classes("dev.shrunk.App")) + LIBRARIES.map(::classes))
        assertEquals(listOf("fast 32", "plain 32", "refused in line 1 true"), whole.lines().filter { it.isNotBlank() })
        val shrunk = shrink("with", rules)
        assertEquals(whole, output(listOf(shrunk)))
        assertTrue(names(shrunk).none { it == "dev/inbetween/InbetweenSession.class" }, "nothing was renamed")
    }

    @Test
    fun `without the rules it does not`() {
        val whole = "fast 32"
        assertTrue(whole !in output(listOf(shrink("without", ""))), "the rules are of no use")
    }

    private fun shrink(name: String, rules: String): File {
        val file = File(work, "$name.pro")
        val output = File(work, "$name.jar")
        val inputs = listOf("dev.inbetween.InbetweenSession") + LIBRARIES
        file.writeText(
            buildString {
                appendLine("-injars '${classes("dev.shrunk.App")}'(dev/shrunk/**.class)")
                for (input in inputs) appendLine("-injars '${classes(input)}'(!META-INF/**,!module-info.class)")
                appendLine("-outjars '$output'")
                for (module in listOf("java.base", "java.logging", "java.desktop")) {
                    appendLine("-libraryjars '${System.getProperty("java.home")}/jmods/$module.jmod'(!**.jar;!module-info.class)")
                }
                appendLine("-keep class dev.shrunk.App { public static void main(java.lang.String[]); }")
                appendLine("-dontoptimize")
                appendLine("-dontwarn **") // Android's classes are not there, and are not called
                appendLine("-ignorewarnings")
                appendLine("-dontnote **")
                appendLine(rules)
            },
        )
        val configuration = Configuration()
        ConfigurationParser(file, System.getProperties()).use { it.parse(configuration) }
        ProGuard(configuration).execute()
        return output
    }

    /** What the app prints in a virtual machine of its own. */
    private fun output(classPath: List<File>): String {
        val models = File(root, "core/tests/models")
        val process = ProcessBuilder(
            "${System.getProperty("java.home")}/bin/java",
            "-Djava.library.path=${System.getProperty("java.library.path")}",
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "-cp",
            classPath.joinToString(File.pathSeparator),
            "dev.shrunk.App",
            "$models/bright_spot.toml",
            "$models/bright_spot.onnx",
        ).redirectError(File(work, "errors")).start()
        val text = process.inputStream.bufferedReader().readText()
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the app hangs")
        return text
    }

    private fun names(jar: File): List<String> = java.util.zip.ZipFile(jar).use { zip -> zip.entries().toList().map { it.name } }

    /** The jar or folder that a class is from. */
    private fun classes(name: String): File {
        val from = Class.forName(name, false, javaClass.classLoader).protectionDomain.codeSource.location
        return File(from.toURI())
    }

    private companion object {
        val LIBRARIES = listOf("kotlin.Unit", "kotlinx.coroutines.CoroutineScope", "com.sun.jna.Native")
    }
}
