// One run beside the kernel's counters of this process, as a line of the log that `inbetween energy read` takes.
// **Invariant:** a line is given only for a run that the protocol allows (`benches/energy/README.md`): ten seconds, no heat.
// It does not measure other processes, and was never compiled: there was no Apple machine.
//
// `proc_pid_rusage` is public on macOS alone. On iOS measure with `XCTCPUMetric` (time, cycles, instructions of a test) or
// MetricKit (`MXCPUMetric.cumulativeCPUInstructions` of a day); neither gives joules.

#if os(macOS)
    import Darwin
    import Foundation

    struct EnergyCollector {
        enum Failure: Error {
            /// The kernel gives no counters: its error number.
            case counters(Int32)
            /// The run was too short.
            case short(seconds: Double)
            /// The device is under thermal pressure: let it cool.
            case hot(ProcessInfo.ThermalState)
            /// This processor counts no energy: Macs with Intel.
            case noEnergy
        }

        /// Temperature of the battery in degrees Celsius and frequency in megahertz, which processes cannot read:
        /// `ioreg -rn AppleSmartBattery` and `powermetrics --samplers cpu_power` show them.
        let temperature: Double
        let megahertz: Double

        /// Runs `work`, which says how often it did the workload (0 for `idle`), and gives the line.
        func run(_ workload: String, _ work: () throws -> Int) throws -> String {
            let (before, start) = (try Self.usage(), DispatchTime.now())
            let iterations = try work()
            let (after, end) = (try Self.usage(), DispatchTime.now())
            let seconds = Double(end.uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
            guard seconds >= 10 else { throw Failure.short(seconds: seconds) }
            let state = ProcessInfo.processInfo.thermalState
            guard state == .nominal else { throw Failure.hot(state) }
            guard after.ri_energy_nj > before.ri_energy_nj else { throw Failure.noEnergy }
            let line: [String: Any] = [
                "workload": workload, "seconds": seconds, "iterations": iterations, "meter": "apple",
                "joules": Double(after.ri_energy_nj - before.ri_energy_nj) / 1e9,
                "instructions": after.ri_instructions - before.ri_instructions,
                "temperature_c": temperature, "mhz": megahertz,
            ]
            let data = try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys])
            return String(decoding: data, as: UTF8.self)
        }

        /// Energy and instructions of this process since it was started.
        private static func usage() throws -> rusage_info_v6 {
            var usage = rusage_info_v6()
            let done = withUnsafeMutablePointer(to: &usage) { pointer in
                pointer.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
                    proc_pid_rusage(getpid(), RUSAGE_INFO_V6, $0)
                }
            }
            guard done == 0 else { throw Failure.counters(errno) }
            return usage
        }
    }
#endif
