// A card and its model, from an app's resources or a folder.
// **Invariant:** what is missing is named with its path.
// It does not check them: opening a session does.

import Foundation

/// The files of one model.
public struct ModelAsset: Sendable, Equatable {
    /// The text of the system card.
    public let card: String
    /// The bytes of the ONNX file.
    public let model: Data

    /// What could not be read.
    public struct Missing: Error, Equatable, LocalizedError {
        /// The file.
        public let path: String
        /// What the system says.
        public let reason: String

        public var errorDescription: String? {
            "\(path) cannot be read (\(reason)): add the card and the model to the app's resources"
        }
    }

    /// Reads a card and the model beside it.
    ///
    /// - Throws: ``Missing`` with the path.
    public init(card: URL, model: URL) throws {
        self.card = String(decoding: try Self.read(card), as: UTF8.self)
        self.model = try Self.read(model)
    }

    /// Reads `name.toml` and `name.onnx` of a bundle's resources.
    ///
    /// - Throws: ``Missing`` with the name.
    public init(named name: String, in bundle: Bundle = .main) throws {
        func find(_ ending: String) throws -> URL {
            guard let url = bundle.url(forResource: name, withExtension: ending) else {
                throw Missing(path: "\(name).\(ending)", reason: "not in \(bundle.bundlePath)")
            }
            return url
        }
        try self.init(card: find("toml"), model: find("onnx"))
    }

    private static func read(_ url: URL) throws -> Data {
        do {
            return try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw Missing(path: url.path, reason: error.localizedDescription)
        }
    }
}
