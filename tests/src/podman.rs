//! podman's engine: the real one, with its storage in a scratch folder.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::run::{Run, program};
use crate::scratch::Scratch;

/// Serves its API until dropped.
pub struct Podman {
    child: Child,
    root: Vec<String>,
    socket: PathBuf,
}

impl Podman {
    /// Starts it, and waits until it listens.
    pub fn start(scratch: &Scratch) -> Self {
        let (root, running) = (scratch.folder("podman/root"), scratch.folder("podman/run"));
        let socket = scratch.path("podman/socket");
        let flags = ["--root".into(), root.display().to_string(), "--runroot".into(), running.display().to_string()];
        let root: Vec<String> = flags.into_iter().chain(["--storage-driver".into(), "vfs".into()]).collect();
        let mut podman = program("podman");
        podman.args(&root).args(["system", "service", "--time=0", &format!("unix://{}", socket.display())]);
        podman.env("HOME", scratch.path("home")).env("TMPDIR", scratch.folder("podman/tmp"));
        let child = podman.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let podman = Self { child, root, socket };
        for _ in 0..400 {
            if std::os::unix::net::UnixStream::connect(&podman.socket).is_ok() {
                return podman;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("podman does not listen");
    }

    /// As `--store` takes it.
    pub fn store(&self) -> String {
        format!("podman:{}", self.socket.display())
    }

    /// Its command line, on the same storage.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(program("podman").args(&self.root).args(args))
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
