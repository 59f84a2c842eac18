//! Small stacks and what they give.

mod once;

use super::*;
use crate::error::Code;
use crate::layer::trial::{Given, entry, wait};
use crate::layer::{Contents, tar};

/// Layers whose tars are there.
struct Tars(Vec<Vec<u8>>);

/// A tar that is there.
struct Bytes(Vec<u8>);

impl Contents for Bytes {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let rest = self.0.split_off(self.0.len().min(1000));
        Ok(Some(std::mem::replace(&mut self.0, rest)).filter(|piece| !piece.is_empty()))
    }
}

impl Layers for Tars {
    type Contents = Bytes;

    fn count(&self) -> usize {
        self.0.len()
    }

    async fn open(&self, number: usize) -> Result<Bytes> {
        Ok(Bytes(self.0[number].clone()))
    }
}

/// A layer: entries separated by blanks. `d/` is a directory, `f=x` a file that holds `x`, `f` an empty one, `s>t` a symlink, `h:t` a
/// hard link, `p|` a pipe.
fn layer(words: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words.split_whitespace() {
        let mut content = "";
        let entry = if let Some(path) = word.strip_suffix('/') {
            entry(path, Kind::Directory)
        } else if let Some(path) = word.strip_suffix('|') {
            entry(path, Kind::Fifo)
        } else if let Some((path, link)) = word.split_once('>') {
            entry(path, Kind::Symlink(link.into()))
        } else if let Some((path, link)) = word.split_once(':') {
            entry(path, Kind::HardLink(link.into()))
        } else {
            let (path, text) = word.split_once('=').unwrap_or((word, ""));
            content = text;
            entry(path, Kind::Regular(text.len() as u64))
        };
        tar::append(&mut bytes, &entry, true).unwrap();
        bytes.extend(content.as_bytes());
        tar::pad(&mut bytes, content.len() as u64);
    }
    bytes.extend(tar::END);
    bytes
}

/// What was handed over, in the same words; a directory that nobody wrote ends in `//`.
#[derive(Default)]
struct Listed(Vec<String>);

impl Sink for Listed {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        let path = String::from_utf8(entry.path).unwrap();
        let text = |link: Vec<u8>| String::from_utf8(link).unwrap();
        self.0.push(match entry.kind {
            Kind::Directory if entry.mode == 0o755 => format!("{path}//"),
            Kind::Directory => format!("{path}/"),
            Kind::Fifo => format!("{path}|"),
            Kind::Symlink(link) => format!("{path}>{}", text(link)),
            Kind::HardLink(link) => format!("{path}:{}", text(link)),
            Kind::Regular(0) => path,
            _ => format!("{path}="),
        });
        Ok(())
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        self.0.last_mut().unwrap().push_str(std::str::from_utf8(&piece).unwrap());
        Ok(())
    }
}

async fn written<L: Layers>(plan: &Plan, layers: &L, write: impl AsyncFnMut(Vec<u8>) -> Result<()>) -> Result<()> {
    let mut tar = Tar::new(write);
    plan.write(layers, &mut tar).await?;
    tar.finish().await
}

fn merged(layers: &[&str]) -> Result<String> {
    let layers = Tars(layers.iter().map(|words| layer(words)).collect());
    let plan = wait(Plan::new(&layers, |_| panic!()))?;
    let mut listed = Listed::default();
    wait(plan.write(&layers, &mut listed))?;
    assert_eq!(listed.0.len(), plan.entries());
    // The tar of it says the same.
    let mut bytes = Vec::new();
    wait(written(&plan, &layers, async |piece| {
        bytes.extend(piece);
        Ok(())
    }))?;
    let mut again = Listed::default();
    let mut entries = Entries::new(Given(&bytes, 4096, None));
    while let Some(header) = wait(entries.next())? {
        wait(again.entry(header.entry()?))?;
        while let Some(piece) = wait(entries.content())? {
            wait(again.content(piece))?;
        }
    }
    assert_eq!(again.0, listed.0);
    once::same_as_planned(&layers);
    Ok(listed.0.join(" "))
}

#[test]
fn stacks_and_what_they_give() {
    let cases: [(&[&str], &str); 36] = [
        (&[], ""),
        (&["", ""], ""),
        (&["b=1 a=2"], "b=1 a=2"),
        (&["d/ d/f=1", "d/f=2 e=3"], "d/ d/f=2 e=3"),
        // Directories come first, in byte order.
        (&["b/ b/f=1 a/", "a.x/ a/y/"], "a/ a.x/ a/y/ b/ b/f=1"),
        // Parents that nobody wrote are made, those of lower layers stay.
        (&["a/b/f=1"], "a// a/b// a/b/f=1"),
        (&["a/", "a/b/f=1"], "a/ a/b// a/b/f=1"),
        (&["a/f=1", "a/"], "a/ a/f=1"),
        // A directory keeps what is in it.
        (&["d/ d/f=1", "d/"], "d/ d/f=1"),
        // Whiteouts.
        (&["a=1 b=2", ".wh.a"], "b=2"),
        (&["d/ d/e/ d/e/f=1 d/g=2 d.x=3 d0=4", ".wh.d"], "d.x=3 d0=4"),
        (&["d/ d/a=1 d/b=2", "d/ d/.wh.a"], "d/ d/b=2"),
        (&["a=1", ".wh.a", "a=2"], "a=2"),
        (&["a=1", ".wh.b"], "a=1"),
        (&[".wh.a a=1"], "a=1"),
        (&["a=1", ".wh.a a=2"], "a=2"),
        (&["a=1", "a=2 .wh.a"], "a=2"),
        (&["d/ d/old=1", "d/new=2 .wh.d"], "d// d/new=2"),
        (&["d/ d/old=1", ".wh.d d/ d/new=2"], "d/ d/new=2"),
        (&["d/ d/s/ d/s/old=1", "d/s/new=2 .wh.d"], "d// d/s// d/s/new=2"),
        // A whiteout has no content and hides names, not itself.
        (&["fake=1", ".wh.fake=2"], "fake=1 .wh.fake=2"),
        (&["a=1", ".wh.... .wh..wh.plnk/ .wh..wh.plnk/1=2 .wh..wh.aufs"], "a=1"),
        // Opaque directories.
        (&["d/ d/a=1 d/s/ d/s/b=2 e=3", "d/ d/.wh..wh..opq d/c=4"], "d/ e=3 d/c=4"),
        (&["d/ d/a=1", "d/ d/c=4 d/.wh..wh..opq"], "d/ d/c=4"),
        (&["d/ d/a=1", "d/.wh..wh..opq"], "d/"),
        (&["a=1 d/", ".wh..wh..opq b=2"], "b=2"),
        (&["d/ d/s/ d/s/a=1", "d/.wh..wh..opq d/s/b=2"], "d/ d/s// d/s/b=2"),
        // What replaces what.
        (&["d/ d/f=1", "d=2"], "d=2"),
        (&["d/ d/f=1", "d=2", "d/ d/g=3"], "d/ d/g=3"),
        (&["f=1", "f/ f/g=2"], "f/ f/g=2"),
        (&["d/ d/f=1 d=2 d/ d/g=3"], "d/ d/g=3"),
        (&["a=1 a=2 a=3"], "a=3"),
        (&["l>/etc p|", "l>d p=1"], "l>d p=1"),
        // A link below is covered, not followed.
        (&["b/ b/x=1 a>b", "a/y=2"], "a// b/ b/x=1 a/y=2"),
        (&["b/ b/x=1 a>b", "a/.wh.x"], "a// b/ b/x=1"),
        (&["f=1", "f/g=2"], "f// f/g=2"),
    ];
    for (layers, expected) in cases {
        assert_eq!(merged(layers).as_deref(), Ok(expected), "{layers:?}");
    }
}

#[test]
fn a_walk_has_parents_first_and_names_in_order() {
    for (layers, expected) in [
        (&["b/ b/x=1 c=2", "a/ a/y=3 b/w=4 b.c=5"][..], "a/ a/y=3 b/ b/w=4 b/x=1 b.c=5 c=2"),
        (&["a=1 b:a", "c=2"], "a=1 b:a c=2"),
        // A layer in another order would have to be read twice: folders first then, and the rest as it stands there.
        (&["z/ z/1=1 a/ a/1=2"], "a/ z/ z/1=1 a/1=2"),
        (&["b=1 a:b"], "b=1 a:b"),
    ] {
        let layers = Tars(layers.iter().map(|words| layer(words)).collect());
        let plan = wait(Plan::new(&layers, |_| panic!())).unwrap();
        let mut listed = Listed::default();
        wait(plan.walk(&layers, &mut listed)).unwrap();
        assert_eq!(listed.0.join(" "), expected);
    }
}

#[test]
fn hard_links_keep_their_inode() {
    let cases: [(&[&str], &str); 15] = [
        (&["a=1 b:a c:b"], "a=1 b:a c:a"),
        (&["a=1 b:a", ".wh.a"], "b=1"),
        (&["a=1 b:a c:a", "a=2"], "b=1 c:b a=2"),
        (&["a=1 b:a c:a", ".wh.b"], "a=1 c:a"),
        (&["a=1 b:a c:a", ".wh.a .wh.b"], "c=1"),
        (&["d/ d/a=1 b:d/a", ".wh.d"], "b=1"),
        (&["d/ d/a=1 b:d/a", "d=2"], "b=1 d=2"),
        (&["a=1 b:a", "b=2"], "a=1 b=2"),
        (&["a=1 b:a a=2"], "b=1 a=2"),
        (&["a=1 a:a"], "a=1"),
        (&["l>t m:l", ".wh.l"], "m>t"),
        // Across layers.
        (&["a=1", "b:a"], "a=1 b:a"),
        (&["a=1", "b:a .wh.a"], "b=1"),
        (&["a=1", "x=0 b:a", "a=2 c:b"], "b=1 x=0 c:b a=2"),
        (&["d/ d/f=1", "d:d/f"], "d=1"),
    ];
    for (layers, expected) in cases {
        let merged = merged(layers).map(|merged| {
            let mut words: Vec<_> = merged.split(' ').collect();
            words.sort_unstable();
            words.join(" ")
        });
        let mut words: Vec<_> = expected.split(' ').collect();
        words.sort_unstable();
        assert_eq!(merged, Ok(words.join(" ")), "{layers:?}");
    }
    assert_eq!(merged(&["x=0 a=1 y=2 b:a c:a", ".wh.a"]).unwrap(), "x=0 b=1 y=2 c:b");
}

#[test]
fn what_cannot_be_is_an_error() {
    let cases: [(&[&str], &str); 7] = [
        (&["", "d/../f=1"], "`d/../f` in the tar has a path"),
        (&["", "/f=1"], "`/f` is an absolute name"),
        (&["", "h:../f"], "hard link with `..`"),
        (&["", "h:f f=1"], "`h` is a hard link to `f`, which is not there"),
        (&["d/", "h:d"], "`h` is a hard link to `d`, which is a directory"),
        (&["", "a>b a/c=1"], "`a/c` is in `a`, which is no directory in the same layer"),
        (&["", "a=1 a/.wh.c"], "`a/.wh.c` is in `a`, which is no directory"),
    ];
    for (layers, expected) in cases {
        let error = merged(layers).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.message.starts_with("layer 2 of 2"), "{error}");
        assert!(matches!(error.code, Code::Malformed(_)));
    }
}

#[test]
fn the_whole_of_an_entry_is_kept() {
    let mut bytes = Vec::new();
    let mut file = entry("d/f", Kind::Regular(3));
    (file.uid, file.gid, file.mode, file.modified.seconds) = (1 << 21, 5, 0o4755, -7);
    file.xattrs = vec![("user.a".into(), b"\0\n".to_vec())];
    let directory = Entry { path: b"d".into(), kind: Kind::Directory, ..file.clone() };
    tar::append(&mut bytes, &directory, true).unwrap();
    tar::append(&mut bytes, &file, true).unwrap();
    bytes.extend(b"abc");
    tar::pad(&mut bytes, 3);
    bytes.extend(tar::END);
    let layers = Tars(vec![bytes.clone(), layer("d/.wh.g")]);
    let plan = wait(Plan::new(&layers, |_| panic!())).unwrap();
    let mut out = Vec::new();
    wait(written(&plan, &layers, async |piece| {
        out.extend(piece);
        Ok(())
    }))
    .unwrap();
    assert!(out == bytes);
}

#[test]
fn as_buildkit_made_the_layers() {
    let read = |name: &str| {
        let layers = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/layers");
        std::fs::read(format!("{layers}/{name}.as-built.tar")).unwrap()
    };
    let layers = Tars(vec![read("whole-tree"), read("whiteouts"), read("hard-link-broken")]);
    let plan = wait(Plan::new(&layers, |_| panic!())).unwrap();
    let mut bytes = Vec::new();
    wait(written(&plan, &layers, async |piece| {
        bytes.extend(piece);
        Ok(())
    }))
    .unwrap();
    let mut entries = Entries::new(Given(&bytes, 4096, None));
    let mut listed = Vec::new();
    while let Some(header) = wait(entries.next()).unwrap() {
        listed.push(format!("{}{}", header.flag as char, String::from_utf8_lossy(&header.name)));
    }
    let (directories, others) = listed.split_at(8);
    assert_eq!(directories.join(" "), "5dev/ 5proc/ 5sys/ 5x/ 5x/emptydir/ 5x/keep/ 5x/opaque/ 5x/todir/");
    let names = others.join(" ");
    assert!(names.starts_with("0x/.wh.fake 0x/all ") && names.contains(" 0x/hl1 ") && names.contains(" 1x/sl-hl "));
    assert!(
        names
            .ends_with(" 0x/keep/content 0x/keep/meta 0x/keep/renamed 0x/opaque/new 0x/todir/in 0x/tofile 0x/keep/hl3")
    );
    assert_eq!(others.len(), 31);
}
