//! The table of contents of an eStargz layer (stargz-estargz.md of containerd's stargz-snapshotter) against the tar that it describes: lazy
//! readers trust it, others never see it.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::codes;
use super::entries::clean;
use super::finding::Findings;
use super::second::Member;
use super::tar::Tar;
use crate::digest::Digest;
use crate::layer::toc::NAME;
use crate::text::shown;

/// The annotation of a layer's descriptor with the digest of its table.
pub const ANNOTATION: &str = "containerd.io/snapshot/stargz/toc.digest";

#[derive(Deserialize)]
struct Table {
    entries: Option<Vec<Row>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    size: u64,
    offset: Option<u64>,
    #[serde(default)]
    inner_offset: u64,
    #[serde(default)]
    chunk_offset: u64,
}

/// Checks what the layer's annotation, members and tar say of its table.
pub fn check(said: &str, tar: &Tar, (members, footer): (&[Member], &[u8]), findings: &mut Findings, scope: &str) {
    let mut tell = |code, part: Option<&str>, message: String| {
        findings.add(code, scope, part, format!("{message}: build the layer again, or leave the annotation out"));
    };
    let Some((at, text)) = &tar.toc else {
        return tell(
            codes::TOC_MISSING,
            None,
            format!("the tar has no `{NAME}`, although the layer is said to be eStargz"),
        );
    };
    let is = Digest::of(text);
    if is.as_str() != said {
        let message = format!("the table of contents has the digest {is}, the annotation says `{}`", shown(said));
        tell(codes::TOC_DIGEST, None, message);
    }
    let start = members.iter().find(|member| member.content == *at).map(|member| member.at);
    if start.is_none() || offset(footer) != start {
        tell(codes::TOC_FOOTER, None, "the footer does not lead to the table of contents".into());
    }
    let Ok(Table { entries }) = serde_json::from_slice(text) else {
        return tell(codes::TOC_MALFORMED, None, "the table of contents is not the JSON that it must be".into());
    };
    let files = tar.entries.files.iter().flatten();
    let mut missing: BTreeSet<&[u8]> =
        files.map(|(name, _)| name.as_slice()).filter(|name| *name != NAME.as_bytes()).collect();
    let mut size = 0;
    for row in entries.unwrap_or_default() {
        if !matches!(row.kind.as_str(), "reg" | "chunk") {
            continue;
        }
        let name = clean(row.name.as_bytes()).unwrap_or_default();
        missing.remove(name.as_slice());
        let path = shown(&row.name);
        let file = tar.entries.files.as_ref().and_then(|files| files.get(&name));
        if row.kind == "reg" {
            size = row.size;
        }
        let Some((_, content)) = file.filter(|(is, _)| *is == size) else {
            tell(codes::TOC_ENTRY, Some(&path), format!("`{path}` is not in the tar, or not of this size"));
            continue;
        };
        // An empty file has no chunk.
        let Some(offset) = row.offset.filter(|_| size > 0) else { continue };
        let place = content.checked_add(row.chunk_offset).and_then(|place| place.checked_sub(row.inner_offset));
        let member = members.binary_search_by_key(&offset, |member| member.at).ok().and_then(|at| members.get(at));
        if row.chunk_offset >= size || member.is_none_or(|member| Some(member.content) != place) {
            tell(codes::TOC_OFFSET, Some(&path), format!("no chunk of `{path}` starts at byte {offset}"));
        }
    }
    for name in missing {
        let path = shown(&crate::inspect::path_text(name));
        tell(codes::TOC_ENTRY, Some(&path), format!("`{path}` is not in the table of contents"));
    }
}

/// The offset in the extra field of the footer's header.
fn offset(footer: &[u8]) -> Option<u64> {
    let digits = footer.strip_prefix(b"SG\x16\0")?.strip_suffix(b"STARGZ")?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
