// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "MLSConsoleClient",
    platforms: [.macOS(.v13)],
    products: [.library(name: "MLSConsoleClient", targets: ["MLSConsoleClient"])],
    targets: [
        // The folder of mls_client.h and module.modulemap; the linker needs -L with the folder of libmls_client.
        .systemLibrary(name: "MLSClientNative", path: "Sources/MLSClientNative"),
        .target(name: "MLSConsoleClient", dependencies: ["MLSClientNative"]),
    ]
)
