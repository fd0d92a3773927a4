// What the session is told about heat and power.
// **Invariant:** a session is told once a second at most, and only of what changed.
// It does not measure temperature: systems give steps.

import Foundation

/// Tells a session what changes about the device: heat, power saving, the display's period.
///
/// Keep it as long as the session; it holds the session weakly.
public final class DeviceMonitor: Sendable {
    private let ticking: Ticking

    /// Asks `read` now and once a second, and tells `session` when the answer is another than before.
    public init(
        _ session: InbetweenSession, everyNanos: Int64 = 1_000_000_000,
        read: @escaping @Sendable () -> DeviceEnvironment = DeviceMonitor.current
    ) {
        let last = Last()
        let tell: @Sendable () -> Void = { [weak session] in
            let environment = read()
            if last.change(to: environment) {
                try? session?.update(environment)
            }
        }
        tell()
        ticking = Ticking(
            everyNanos: everyNanos, on: DispatchQueue(label: "dev.inbetween.device", qos: .utility), body: tell)
    }

    /// Stops it.
    public func cancel() {
        ticking.cancel()
    }

    /// The device as it is now. Where the system has no thermal state, the headroom is left out.
    public static func current() -> DeviceEnvironment {
        #if canImport(Darwin)
            let process = ProcessInfo.processInfo
            let saving =
                if #available(macOS 12.0, iOS 9.0, *) { process.isLowPowerModeEnabled } else { false }
            return DeviceEnvironment(
                thermalHeadroom: headroom(step: process.thermalState.rawValue), powerSaving: saving,
                displayPeriodNanos: nil)
        #else
            return DeviceEnvironment(thermalHeadroom: nil, powerSaving: false, displayPeriodNanos: nil)
        #endif
    }

    /// Headroom, where 1 is the start of severe throttling, for the steps of `ProcessInfo.ThermalState`: nominal,
    /// fair, serious, critical. The steps are Apple's, the numbers are ours: the system gives none.
    static func headroom(step: Int) -> Float? {
        let steps: [Float] = [0.5, 0.8, 1.0, 1.2]
        return steps.indices.contains(step) ? steps[step] : nil
    }

    private final class Last: @unchecked Sendable {
        private let lock = NSLock()
        private var environment: DeviceEnvironment?

        func change(to new: DeviceEnvironment) -> Bool {
            lock.withLock {
                defer { environment = new }
                return environment != new
            }
        }
    }
}
