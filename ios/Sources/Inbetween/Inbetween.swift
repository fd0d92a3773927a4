// What an app sees: the session of this module, and the plain data of the core (answers, plans, events, errors).
// **Invariant:** no pointer and no handle of the core is in the public interface of this module.
// It does not decide anything: the engine in the core does.

@_exported import InbetweenCore

import Foundation

extension SdkError: LocalizedError {
    /// What is wrong and how to mend it.
    public var errorDescription: String? { describe() }
}

extension Answer {
    /// The boxes of a detector; none when the answer is of another kind or there is nothing to show.
    public var boxes: [DetectedBox] {
        if case .boxes(let boxes) = value { boxes } else { [] }
    }

    /// The points of a landmark model; none when the answer is of another kind or there is nothing to show.
    public var keypoints: [Keypoint] {
        if case .keypoints(let points) = value { points } else { [] }
    }

    /// Whether there is something to show.
    public var isAvailable: Bool { value != nil }
}
