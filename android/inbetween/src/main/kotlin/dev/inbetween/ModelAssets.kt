package dev.inbetween

import android.content.Context
import android.content.res.AssetManager
import java.io.File
import java.io.FileInputStream
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * A card and the model that it is for.
 *
 * @property card the system card's text (TOML).
 * @property model the ONNX file's bytes.
 */
public class ModelBundle(public val card: String, public val model: ByteBuffer)

/** Reads bundles from an app's assets or files. Not on the main thread: each reads a whole model. */
public object ModelAssets {
    /**
     * `NAME.toml` and `NAME.onnx` of the assets.
     *
     * A model that the package stores uncompressed (`androidResources { noCompress += "onnx" }`) is mapped, which costs no
     * memory of its own; else it is copied.
     *
     * @throws IOException when one of them is missing.
     */
    @JvmStatic
    @Throws(IOException::class)
    public fun read(assets: AssetManager, name: String): ModelBundle {
        val card = assets.open("$name.toml").use { it.readBytes().toString(Charsets.UTF_8) }
        return ModelBundle(card, mapped(assets, "$name.onnx") ?: assets.open("$name.onnx").use(::copied))
    }

    /** `NAME.toml` and `NAME.onnx` in a folder, for bundles that were downloaded. */
    @JvmStatic
    @Throws(IOException::class)
    public fun read(folder: File, name: String): ModelBundle {
        val model = RandomAccessFile(File(folder, "$name.onnx"), "r").use { file ->
            file.channel.use { it.map(FileChannel.MapMode.READ_ONLY, 0, it.size()) }
        }
        return ModelBundle(File(folder, "$name.toml").readText(), model)
    }

    private fun mapped(assets: AssetManager, file: String): ByteBuffer? = try {
        assets.openFd(file).use { descriptor ->
            FileInputStream(descriptor.fileDescriptor).channel.use {
                it.map(FileChannel.MapMode.READ_ONLY, descriptor.startOffset, descriptor.declaredLength)
            }
        }
    } catch (_: FileNotFoundException) {
        null // compressed, or not there; the copy tells which
    }

    internal fun copied(stream: InputStream): ByteBuffer {
        val bytes = stream.readBytes()
        return ByteBuffer.allocateDirect(bytes.size).apply {
            put(bytes)
            rewind()
        }
    }
}

/** Opens a session from `NAME.toml` and `NAME.onnx` of the app's assets, off the calling thread. */
public suspend fun InbetweenSession.Companion.open(
    context: Context,
    name: String,
    options: SessionOptions = SessionOptions(),
): InbetweenSession {
    val bundle = withContext(Dispatchers.IO) { ModelAssets.read(context.assets, name) }
    return open(bundle, options)
}
