import CausewayCore
import Foundation
import Telemetry

/// This process as the system sees it, under the names that all Prometheus clients use.
struct ProcessMetrics: Sendable {
    let startedAt: Timestamp

    func write(to metrics: inout MetricText) {
        metrics.family("causeway_build_info", .gauge, "Always 1; the version stands in its label.")
        metrics.sample("causeway_build_info", [(name: "version", value: ProductVersion.text)], 1)
        metrics.single(
            "process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.",
            Double(startedAt.milliseconds) / 1000)
        if let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
        {
            metrics.single(
                "process_resident_memory_bytes", .gauge, "Resident memory.", pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
            )
        }
        var usage = rusage()
        if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
            metrics.single(
                "process_cpu_seconds_total", .counter, "Time on processors, for the program and in the system.",
                seconds(usage.ru_utime) + seconds(usage.ru_stime))
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            metrics.single("process_open_fds", .gauge, "Open file descriptors.", open)
        }
    }
}
