plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
    `maven-publish`
}

group = "dev.inbetween"
version = "0.1.0" // that of Cargo.toml; compared by a test

android {
    namespace = "dev.inbetween.camerax"
    compileSdk = libs.versions.compile.sdk.get().toInt()
    defaultConfig { minSdk = libs.versions.min.sdk.get().toInt() }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    publishing {
        singleVariant("release") { withSourcesJar() }
    }
}

kotlin {
    explicitApi()
    compilerOptions { jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_1_8 }
}

dependencies {
    api(project(":inbetween"))
    api(libs.camerax.core)
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "inbetween-camerax"
            afterEvaluate { from(components["release"]) }
        }
    }
}
