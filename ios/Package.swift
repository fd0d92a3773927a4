// swift-tools-version: 6.0
// `cargo xtask bindings swift` writes Generated/ first: without it the package does not resolve.
import PackageDescription

// On Apple's systems the core comes as an XCFramework (`cargo xtask package-ios`); elsewhere as the library that cargo
// built, which the linker finds with `-Xlinker -LDIR`.
#if os(Linux)
    let core: Target = .systemLibrary(name: "InbetweenCoreFFI", path: "Generated/InbetweenCoreFFI")
    let link: [LinkerSetting] = [.linkedLibrary("inbetween_ffi")]
#else
    let core: Target = .binaryTarget(name: "InbetweenCoreFFI", path: "Generated/InbetweenCoreFFI.xcframework")
    let link: [LinkerSetting] = []
#endif

let package = Package(
    name: "Inbetween",
    platforms: [.iOS(.v15), .macOS(.v13)],
    products: [.library(name: "Inbetween", targets: ["Inbetween"])],
    targets: [
        core,
        .target(
            name: "InbetweenCore", dependencies: ["InbetweenCoreFFI"], path: "Generated/InbetweenCore",
            linkerSettings: link),
        .target(
            name: "Inbetween", dependencies: ["InbetweenCore"],
            resources: [.copy("PrivacyInfo.xcprivacy")]),
        .testTarget(name: "InbetweenTests", dependencies: ["Inbetween"]),
    ],
    swiftLanguageModes: [.v6]
)
