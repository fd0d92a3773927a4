plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.dokka)
    alias(libs.plugins.kotlin.android)
    `maven-publish`
}

group = "dev.inbetween"
version = "0.1.0" // that of Cargo.toml; compared by a test

val root = rootDir.parentFile // the repository
val bindings = root.resolve("target/bindings/kotlin")
val jniLibs = layout.buildDirectory.dir("rustJniLibs")
val licences = layout.buildDirectory.dir("licences")
val abis = listOf("arm64-v8a", "armeabi-v7a", "x86_64")

android {
    namespace = "dev.inbetween"
    compileSdk = libs.versions.compile.sdk.get().toInt()
    ndkVersion = libs.versions.ndk.get() // r28 and newer align to 16 KiB pages by default

    defaultConfig {
        minSdk = libs.versions.min.sdk.get().toInt()
        consumerProguardFiles("consumer-rules.pro")
        ndk { abiFilters += abis }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    sourceSets["main"].kotlin.srcDir(bindings)
    sourceSets["main"].jniLibs.srcDir(jniLibs)
    sourceSets["main"].resources.srcDir(licences) // in an app below META-INF/dev.inbetween
    packaging { jniLibs.useLegacyPackaging = false } // uncompressed and page-aligned in the APK
    testOptions.unitTests {
        isIncludeAndroidResources = true
        all {
            it.useJUnitPlatform()
            it.systemProperty("jna.library.path", root.resolve("target/release").path)
            it.systemProperty("java.library.path", root.resolve("target/release").path)
            it.systemProperty("inbetween.root", root.path)
            it.systemProperty("inbetween.vectors", bindings.resolve("vectors.json").path)
        }
    }
    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

kotlin {
    compilerOptions { jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_1_8 }
}

dependencies {
    api(libs.coroutines.core)
    implementation(libs.coroutines.android)
    implementation(libs.androidx.annotation)
    implementation(libs.jna) { artifact { type = "aar" } }

    testImplementation(libs.jna) // the desktop's, for tests on the JVM
    testImplementation(platform(libs.junit.bom))
    testImplementation(libs.junit.jupiter)
    testImplementation(libs.junit.vintage)
    testImplementation(libs.coroutines.test)
    testImplementation(libs.mockito)
    testImplementation(libs.proguard) // reads the consumer rules as R8 does
    testImplementation(libs.robolectric)
    testRuntimeOnly(libs.junit.launcher)
}

/** Kotlin of the exported items, from the library built for this machine. */
val generateBindings by tasks.registering(Exec::class) {
    workingDir = root
    inputs.dir(root.resolve("bindings/src"))
    outputs.dir(bindings)
    commandLine("cargo", "xtask", "bindings", "kotlin")
}

/** The licences of the library and of what is linked into it. */
val writeLicences by tasks.registering(Exec::class) {
    workingDir = root
    inputs.files(root.resolve("Cargo.lock"), root.resolve("LICENSE-APACHE"), root.resolve("LICENSE-MIT"))
    outputs.dir(licences)
    commandLine("cargo", "xtask", "licences", licences.get().dir("META-INF/dev.inbetween").asFile.path)
}

/** The library for each ABI; needs cargo-ndk 4.1 or newer and the targets of rustup. */
val buildNative by tasks.registering(Exec::class) {
    workingDir = root
    inputs.files(fileTree(root.resolve("bindings/src")), fileTree(root.resolve("core")) { include("**/*.rs") })
    outputs.dir(jniLibs)
    commandLine(
        listOf("cargo", "ndk", "--platform", libs.versions.min.sdk.get()) +
            abis.flatMap { listOf("--target", it) } +
            listOf("--output-dir", jniLibs.get().asFile.path) +
            listOf("build", "--profile", "mobile", "--package", "inbetween-ffi", "--lib"),
    )
}

tasks.named("preBuild") { dependsOn(generateBindings, writeLicences) }
tasks.matching { it.name.startsWith("merge") && it.name.endsWith("JniLibFolders") }.configureEach {
    dependsOn(buildNative)
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "inbetween"
            afterEvaluate { from(components["release"]) }
            pom {
                name = "Inbetween"
                description = "Runs a model on key frames and answers for every frame in between."
                licenses {
                    license { name = "MIT OR Apache-2.0" }
                }
            }
        }
    }
}
