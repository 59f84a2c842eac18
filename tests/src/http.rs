//! A very small HTTP server, for peers that have to misbehave or to hand out tokens, and as small a client: one exchange a connection, on
//! loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// For example `PUT`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// For example 200.
    pub status: u16,
    /// `content-length` is the body's, unless another one is here.
    pub headers: Vec<(&'static str, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

/// What a client was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// For example 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whole, or as far as it came.
    pub body: Vec<u8>,
}

/// Runs until dropped; remembers what it was asked.
pub struct Server {
    place: Place,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

/// Where a server listens.
enum Place {
    Port(SocketAddr),
    Socket(PathBuf),
}

impl Request {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// A JSON body.
    pub fn json(status: u16, body: impl ToString) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }
}

impl Server {
    /// Serves on a free loopback port.
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::on(Ipv4Addr::LOCALHOST, answer)
    }

    /// Serves on a free port of an address.
    pub fn on(address: Ipv4Addr, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let accept = move || Some(listener.accept().ok()?.0);
        Self::serve(Place::Port(address), accept, TcpStream::set_read_timeout, answer)
    }

    /// Serves on a socket of the file system.
    pub fn at(socket: &Path, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let accept = move || Some(listener.accept().ok()?.0);
        Self::serve(Place::Socket(socket.to_owned()), accept, UnixStream::set_read_timeout, answer)
    }

    fn serve<C: Send + 'static>(
        place: Place,
        accept: impl Fn() -> Option<C> + Send + 'static,
        bound: fn(&C, Option<Duration>) -> std::io::Result<()>,
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self
    where
        for<'c> &'c C: Read + Write,
    {
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, over, answer) = (requests.clone(), stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            while let Some(connection) = accept().filter(|_| !over.load(Ordering::SeqCst)) {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || {
                    bound(&connection, Some(Duration::from_secs(20))).ok()?;
                    exchange(&connection, &log, &*answer)
                });
            }
        });
        Self { place, requests, stop }
    }

    /// `127.0.0.1:PORT`, or the path of the socket.
    pub fn address(&self) -> String {
        match &self.place {
            Place::Port(address) => address.to_string(),
            Place::Socket(path) => path.display().to_string(),
        }
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        match &self.place {
            Place::Port(address) => drop(TcpStream::connect(address)),
            Place::Socket(path) => drop(UnixStream::connect(path)),
        }
    }
}

/// Asks a server at `HOST:PORT`, which is the `host` of the request unless it has another.
pub fn ask(address: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    if !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method) {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    connection.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server that answers before it has everything may not take the rest.
    let _ = connection.write_all(body);
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
    let headers = fields(&mut reader).unwrap();
    let body = if method == "HEAD" { None } else { content(&mut reader, &headers) };
    Answer { status, headers, body: body.unwrap_or_default() }
}

/// One request, one response. A peer that breaks off is none of our business.
fn exchange<C>(connection: &C, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Response) -> Option<()>
where
    for<'c> &'c C: Read + Write,
{
    let mut reader = BufReader::new(connection);
    let request = read(&mut reader)?;
    log.lock().unwrap().push(request.clone());
    let response = answer(&request);
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", response.status);
    if !response.headers.iter().any(|(name, _)| *name == "content-length") {
        head.push_str(&format!("content-length: {}\r\n", response.body.len()));
    }
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = if request.method == "HEAD" { &[][..] } else { &response.body };
    let mut writer = connection;
    writer.write_all(&[format!("{head}\r\n").as_bytes(), body].concat()).ok()
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    words.next().filter(|version| version.starts_with("HTTP/1"))?;
    let headers = fields(reader)?;
    let body = content(reader, &headers)?;
    Some(Request { method, target, headers, body })
}

/// Headers, to the empty line.
fn fields(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Some(headers) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// A body as its headers describe it, as far as it comes.
fn content(reader: &mut impl BufRead, headers: &[(String, String)]) -> Option<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if let Some(length) = header("content-length").and_then(|length| length.parse().ok()) {
        reader.take(length).read_to_end(&mut body).ok()?;
    } else if header("transfer-encoding") == Some("chunked") {
        loop {
            // One that breaks off has no last chunk.
            let size = chunk_size(reader)?;
            reader.by_ref().take(size).read_to_end(&mut body).ok()?;
            reader.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
        }
    }
    Some(body)
}

fn chunk_size(reader: &mut impl BufRead) -> Option<u64> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    u64::from_str_radix(line.trim(), 16).ok()
}
