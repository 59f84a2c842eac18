//! Docker's engine, played: what a real one answered, on a socket in a scratch folder, and what it was asked. What it is sent is unpacked by
//! `tar`, so that it knows the images of an archive by their names, as a real one does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::{Request, Response, Server};
use crate::run::{Run, program};

/// How it plays.
#[derive(Clone, Debug, Default)]
pub struct Docker {
    /// It keeps images in containerd.
    pub containerd: bool,
    /// What it says to an archive, beside what became of it: lines of JSON.
    pub says: Vec<Value>,
    /// It hangs up in the middle of what it says.
    pub hangs_up: bool,
    /// It keeps something else under every name.
    pub swaps: bool,
    /// What its machine runs: the architecture in Go's words; amd64 when none is said.
    pub architecture: Option<&'static str>,
}

/// Plays until dropped.
pub struct Played {
    server: Server,
    socket: PathBuf,
    images: Images,
}

/// Identifiers, by names.
type Images = Arc<Mutex<BTreeMap<String, String>>>;

impl Docker {
    /// Plays on a socket.
    pub fn start(self, socket: &Path) -> Played {
        let images = Images::default();
        let known = images.clone();
        let server = Server::at(socket, move |request| self.answer(request, &known));
        Played { server, socket: socket.to_owned(), images }
    }

    fn answer(&self, request: &Request, images: &Mutex<BTreeMap<String, String>>) -> Response {
        let path = request.target.split('?').next().unwrap();
        let missing = || Response::json(404, json!({ "message": format!("No such image: {path}") }));
        match (request.method.as_str(), path) {
            ("GET", "/_ping") => {
                let headers = [("api-version", "1.47"), ("ostype", "linux"), ("server", "Docker/27.5.1 (linux)")];
                let headers = headers.map(|(name, value)| (name, value.to_owned())).into();
                Response { status: 200, headers, body: b"OK".to_vec() }
            }
            ("GET", "/v1.47/version") => Response::json(
                200,
                json!({ "Version": "27.5.1", "ApiVersion": "1.47", "MinAPIVersion": "1.24", "Os": "linux",
                    "Arch": self.architecture.unwrap_or("amd64"), "KernelVersion": "6.1.0" }),
            ),
            ("GET", "/v1.47/info") => {
                let status = match self.containerd {
                    true => json!([["driver-type", "io.containerd.snapshotter.v1"]]),
                    false => json!([["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]),
                };
                Response::json(200, json!({ "Driver": "overlay2", "DriverStatus": status, "Architecture": "x86_64" }))
            }
            ("POST", "/v1.47/images/load") => self.load(&request.body, images),
            ("GET", path) => {
                let name = path.strip_prefix("/v1.47/images/").and_then(|path| path.strip_suffix("/json"));
                match name.and_then(|name| images.lock().unwrap().get(name).cloned()) {
                    Some(id) => Response::json(200, json!({ "Id": id, "Os": "linux" })),
                    None => missing(),
                }
            }
            _ => missing(),
        }
    }

    fn load(&self, archive: &[u8], images: &Mutex<BTreeMap<String, String>>) -> Response {
        let failed = self.says.iter().any(|line| line.get("error").is_some());
        let mut lines = self.says.clone();
        if !failed {
            for (name, id) in self.found(archive) {
                let id = if self.swaps { format!("sha256:{}", "0".repeat(64)) } else { id };
                lines.push(json!({ "stream": format!("Loaded image: {name}\n") }));
                images.lock().unwrap().insert(name, id);
            }
        }
        let mut body: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if self.hangs_up {
            headers.push(("content-length", body.len().to_string()));
            body.truncate(body.len() / 2);
        }
        Response { status: 200, headers, body }
    }

    /// What an archive has: as `docker save` writes it, one config and names; as a layout, what its index lists.
    fn found(&self, archive: &[u8]) -> Vec<(String, String)> {
        let file = |name: &str| -> Option<Value> {
            let run = Run::fed(program("tar").args(["-xO", "-f", "-", name]), archive);
            serde_json::from_str(&run.stdout).ok()
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if self.containerd {
            let index = file("index.json").expect("a layout has an index");
            let entries = index["manifests"].as_array().unwrap().iter();
            let entry = |entry: &Value| {
                let name = entry["annotations"]["io.containerd.image.name"].as_str();
                (name.map_or_else(|| text(&entry["digest"]), str::to_owned), text(&entry["digest"]))
            };
            return entries.map(entry).collect();
        }
        let manifest = file("manifest.json").expect("docker itself needs a manifest.json");
        let id = text(&manifest[0]["Config"]).replace("blobs/", "").replace('/', ":");
        let tags: Vec<String> = serde_json::from_value(manifest[0]["RepoTags"].clone()).unwrap_or_default();
        // Found under the whole name too.
        let whole = |tag: &String| match tag.split_once('/') {
            None => format!("docker.io/library/{tag}"),
            Some((host, _)) if host.contains(['.', ':']) => tag.clone(),
            Some(_) => format!("docker.io/{tag}"),
        };
        let mut names: Vec<String> = tags.iter().map(whole).collect();
        names.extend(tags);
        names.push(id.clone());
        names.into_iter().map(|name| (name, id.clone())).collect()
    }
}

impl Played {
    /// As `--store` takes it.
    pub fn store(&self) -> String {
        format!("docker:{}", self.socket.display())
    }

    /// What it was asked: `METHOD TARGET`.
    pub fn asked(&self) -> Vec<String> {
        self.server.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    /// The archives that it was sent.
    pub fn archives(&self) -> Vec<Vec<u8>> {
        self.server
            .requests()
            .into_iter()
            .filter(|request| request.method == "POST")
            .map(|request| request.body)
            .collect()
    }

    /// Identifiers, by names.
    pub fn images(&self) -> BTreeMap<String, String> {
        self.images.lock().unwrap().clone()
    }
}
