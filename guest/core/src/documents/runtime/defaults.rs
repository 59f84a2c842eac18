//! What `runc spec` writes where an image says nothing, as JSON.

/// Of every set of capabilities but the inheritable ones.
pub const CAPABILITIES: &str = r#"{
    "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
    "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
    "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
    "ambient": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
}"#;

/// Of a process.
pub const LIMITS: &str = r#"[{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]"#;

/// No device but those that every container has.
pub const RESOURCES: &str = r#"{"devices": [{"allow": false, "access": "rwm"}]}"#;

/// What is seen as empty.
pub const MASKED: &str = r#"[
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/sys/firmware", "/proc/scsi"
]"#;

/// What is not written to.
pub const READ_ONLY: &str = r#"["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]"#;

/// How a volume is mounted, as umoci has it.
pub const VOLUME: &str = r#"["rw", "nosuid", "nodev", "noexec", "relatime"]"#;

/// A rootless container has a user namespace, and the network of its host.
pub fn namespaces(rootless: bool) -> &'static str {
    match rootless {
        true => r#"[{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "user"}]"#,
        false => r#"[{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]"#,
    }
}

/// In order.
pub fn mounts(rootless: bool) -> [&'static str; 7] {
    [
        r#"{"destination": "/proc", "type": "proc", "source": "proc"}"#,
        r#"{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}"#,
        match rootless {
            true => {
                r#"{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                    "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}"#
            }
            false => {
                r#"{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                    "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]}"#
            }
        },
        r#"{"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]}"#,
        r#"{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]}"#,
        match rootless {
            true => {
                r#"{"destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}"#
            }
            false => {
                r#"{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}"#
            }
        },
        r#"{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}"#,
    ]
}
