//! A real registry: Debian's `docker-registry`, on a free loopback port, with its storage in a scratch folder.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::certificates::Pair;
use crate::run::program;
use crate::scratch::Scratch;
use crate::token::{Grants, ISSUER, SERVICE, TokenServer};

/// Runs until dropped.
pub struct Registry {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    tokens: Option<TokenServer>,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Everyone everything.
    None,
    /// `USER` with `PASSWORD`, in every request.
    Basic,
    /// The same, for tokens.
    Bearer,
}

/// How a registry is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Who may do what.
    pub auth: Auth,
    /// How the tokens are given that some want.
    pub grants: Grants,
    /// Of this machine.
    pub address: Ipv4Addr,
    /// With TLS, as this.
    pub tls: Option<Pair>,
    /// Only clients that this authority has certified get in.
    pub clients: Option<PathBuf>,
    /// Whether anything can be deleted.
    pub deletes: bool,
}

impl Default for Setup {
    /// For everyone on this machine, without TLS.
    fn default() -> Self {
        let grants = Grants::default();
        Self { auth: Auth::None, grants, address: Ipv4Addr::LOCALHOST, tls: None, clients: None, deletes: false }
    }
}

impl Registry {
    /// Starts a registry on loopback and waits until it answers.
    pub fn start(scratch: &Scratch, auth: Auth) -> Self {
        Self::with(scratch, &Setup { auth, ..Setup::default() })
    }

    /// Starts one that is set up otherwise; in a scratch folder there is one.
    pub fn with(scratch: &Scratch, setup: &Setup) -> Self {
        let folder = scratch.folder("registry");
        let tokens = (setup.auth == Auth::Bearer).then(|| TokenServer::start(&folder, setup.grants));
        let address = TcpListener::bind((setup.address, 0)).unwrap().local_addr().unwrap();
        let storage = scratch.folder("registry/storage");
        let mut config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: {}}}}}\n\
             http:\n  addr: '{address}'\n  secret: s\n",
            storage.display(),
            setup.deletes
        );
        if let Some(Pair { certificate, key }) = &setup.tls {
            config += &format!("  tls:\n    certificate: '{}'\n    key: '{}'\n", certificate.display(), key.display());
            if let Some(authority) = &setup.clients {
                config += &format!("    clientcas: ['{}']\n", authority.display());
            }
        }
        if setup.auth == Auth::Basic {
            let passwords = scratch.write("registry/passwords", format!("{USER}:{PASSWORD_BCRYPT}\n"));
            config += &format!("auth: {{htpasswd: {{realm: tests, path: '{}'}}}}\n", passwords.display());
        }
        if let Some(tokens) = &tokens {
            let (realm, certificate) = (tokens.realm(), tokens.certificate().display().to_string());
            config += &format!(
                "auth: {{token: {{realm: '{realm}', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: '{certificate}'}}}}\n"
            );
        }
        let config = scratch.write("registry/config.yml", config);
        let log = scratch.path("registry/log");
        let output = fs::File::create(&log).unwrap();
        let mut command = program("docker-registry");
        command.arg("serve").arg(config).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.env("OTEL_TRACES_EXPORTER", "none").spawn().unwrap();
        let mut registry = Self { child, address, log, tokens };
        registry.wait();
        registry
    }

    /// `127.0.0.1:PORT`, or where it was set up.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What was asked so far, in the order of the answers: `METHOD TARGET STATUS`. Not of one with TLS.
    pub fn requests(&self) -> Vec<String> {
        // The log has a line only after the answer: one more request, and all lines before its line are there.
        let marker = format!("/v2/marker-{}", fs::metadata(&self.log).unwrap().len());
        get(self.address, &marker);
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            if log.contains(&marker) {
                let lines = log.lines().filter_map(request).filter(|line| !line.contains("/v2/marker-"));
                return lines.filter(|line| !line.starts_with("GET /v2/ready ")).collect();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The tags of a repository, in order; none when there is no such repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let answer = read(self.address, &format!("/v2/{repository}/tags/list")).unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let list: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let mut tags: Vec<String> = serde_json::from_value(list["tags"].clone()).unwrap_or_default();
        tags.sort();
        tags
    }

    /// The requests that change something.
    pub fn writes(&self) -> Vec<String> {
        let mut requests = self.requests();
        requests.retain(|request| !request.starts_with("GET ") && !request.starts_with("HEAD "));
        requests
    }

    /// The server that gives its tokens.
    pub fn tokens(&self) -> &TokenServer {
        self.tokens.as_ref().expect("started with bearer authentication")
    }

    fn wait(&mut self) {
        for _ in 0..400 {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("docker-registry ended at once: {status}\n{}", fs::read_to_string(&self.log).unwrap());
            }
            if get(self.address, "/v2/ready").is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("docker-registry does not answer\n{}", fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Any answer at all.
fn get(address: SocketAddr, target: &str) -> Option<()> {
    read(address, target).map(|_| ())
}

/// An answer, as it came.
fn read(address: SocketAddr, target: &str) -> Option<Vec<u8>> {
    let mut connection = TcpStream::connect(address).ok()?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok().filter(|length| *length > 0)?;
    Some(answer)
}

/// What a line in the Common Log Format says: `… "METHOD TARGET HTTP/1.1" STATUS …`.
fn request(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = rest.split_once(" HTTP/1.1\" ")?;
    Some(format!("{request} {}", rest.split(' ').next()?))
}

/// Of a registry with authentication.
pub const USER: &str = "tester";

/// With a colon, which only the first one of `user:password` separates.
pub const PASSWORD: &str = "s3cret:word";

/// The password as `htpasswd -B` writes it.
const PASSWORD_BCRYPT: &str = "$2y$05$abcdefghijklmnopqrstuu2JDQLR7mbHhdpill4/jMLDoVbsBhlUi";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Run, need};

    /// The peer of other tests works: somebody else's client gets in with the password, and not without.
    #[test]
    fn skopeo_gets_in_with_the_password() {
        need!("docker-registry", "skopeo", "openssl");
        let Some(source) = crate::golden::path("sources/default") else { return };
        for auth in [Auth::None, Auth::Basic, Auth::Bearer] {
            let scratch = Scratch::new();
            let registry = Registry::start(&scratch, auth);
            let copy = |password: &str| {
                let to = format!("docker://{}/team/x:t", registry.address());
                let mut skopeo = program("skopeo");
                skopeo.args(["--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds"]);
                skopeo.args([&format!("{USER}:{password}"), &format!("oci:{}", source.display()), &to]);
                Run::of(skopeo.env("HOME", scratch.path("home")))
            };
            let refused = copy("wrong");
            assert_eq!(refused.code == Some(0), auth == Auth::None, "{auth:?} {}", refused.told());
            copy(PASSWORD).ok();
            assert_eq!(registry.writes().last().unwrap(), "PUT /v2/team/x/manifests/t 201", "{auth:?}");
        }
    }
}
