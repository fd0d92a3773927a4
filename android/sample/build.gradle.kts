plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "dev.inbetween.sample"
    compileSdk = libs.versions.compile.sdk.get().toInt()
    defaultConfig {
        applicationId = "dev.inbetween.sample"
        minSdk = libs.versions.min.sdk.get().toInt()
        targetSdk = libs.versions.compile.sdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
            signingConfig = signingConfigs["debug"]
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    androidResources { noCompress += "onnx" } // mapped instead of copied
    // The demo's detector and its card.
    sourceSets["main"].assets.srcDir(layout.buildDirectory.dir("detector"))
}

kotlin {
    compilerOptions { jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_1_8 }
}

dependencies {
    implementation(project(":inbetween"))
    implementation(libs.coroutines.android)
}

/** The assets `detector.toml` and `detector.onnx`. */
val copyDetector by tasks.registering(Copy::class) {
    from(rootDir.resolve("../benches/detector")) { include("card.toml", "*.onnx") }
    rename("card.toml", "detector.toml")
    rename(".*\\.onnx", "detector.onnx")
    into(layout.buildDirectory.dir("detector"))
}

tasks.named("preBuild") { dependsOn(copyDetector) }
