//! A containerd of a test's own: its state, its socket and its log are in a scratch folder.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::run::{Run, program};
use crate::scratch::Scratch;

/// Runs until dropped.
pub struct Containerd {
    child: Child,
    socket: String,
}

impl Containerd {
    /// Starts it and waits until it answers.
    pub fn start(scratch: &Scratch) -> Self {
        let folder = scratch.folder("containerd");
        let socket = folder.join("socket").display().to_string();
        let config = format!(
            "version = 2\nroot = '{0}/root'\nstate = '{0}/state'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\n address = '{socket}'\n[debug]\n address = '{0}/debug'\n[ttrpc]\n address = '{0}/ttrpc'\n",
            folder.display()
        );
        let config = scratch.write("containerd/config.toml", config);
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = program("containerd");
        command.arg("--config").arg(config).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let containerd = Self { child: command.spawn().unwrap(), socket };
        for _ in 0..400 {
            if containerd.ctr(&["version"]).code == Some(0) {
                return containerd;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("containerd does not answer\n{}", fs::read_to_string(folder.join("log")).unwrap());
    }

    /// `ctr` with this daemon.
    pub fn ctr(&self, args: &[&str]) -> Run {
        Run::of(program("ctr").args(["--address", &self.socket]).args(args))
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
