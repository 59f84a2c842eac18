//! Looking into whatever it is: opened, drawn as a graph, summed up, verified, compared with itself, every layer walked, files read. All of it ends, and every result is JSON.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ocix_core::contents::Form;
use ocix_core::error::Result;
use ocix_core::export::{Content, Source};
use ocix_core::inspect::{Image, Layer, Limits, Settings, Walk, compare, json, path_bytes, verify};
use ocix_core::layer;
use ocix_core::memory::{Directory, Memory};
use ocix_core::store::Layout;
use ocix_fuzz::{mutate_images, wait};

fuzz_target!(|data: &[u8]| {
    let media = Memory::default();
    let source = Source::Archive(data.to_vec().into());
    let content = Content { source, form: Form::Detect, name: None, platform: None };
    let native = "linux/amd64".parse().expect("a platform");
    let settings = Settings { limits: limits(), insecure: false, native };
    let store = Layout::store(Directory::default());
    let Ok(image) = wait(Image::open(&media, content, &store, settings)) else { return };
    let graph = wait(image.graph(true)).expect("only a cancelled graph fails");
    is_json(&json(&graph));
    if let Ok(summary) = wait(image.summary()) {
        is_json(&json(&summary));
    }
    if let Ok(report) = wait(verify::verify(&image, None)) {
        is_json(&json(&report));
    }
    if let Ok(comparison) = wait(compare(&image, &image)) {
        is_json(&json(&comparison));
    }
    if let Ok(changes) = wait(image.changes()) {
        is_json(&json(&changes));
    }
    if let Ok(tree) = wait(image.tree(b"", true, 0, 100)) {
        is_json(&json(&tree));
        for entry in &tree.entries {
            let _ = wait(image.read(None, &path_bytes(&entry.path), 0, 100));
        }
    }
    if let Ok(stack) = wait(image.stack()) {
        for layer in stack.layers.iter().take(8) {
            // Legal or not, it ends.
            let _ = wait(walk(layer));
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_images(data, size, max_size, seed) });

/// Every entry, and what each content begins with.
async fn walk(layer: &Layer<'_, Memory>) -> Result<()> {
    let mut walk = Walk::new(layer, &limits()).await?;
    let mut number = 0;
    while let Some(item) = walk.next().await? {
        assert_eq!(item.number, number);
        number += 1;
        let _ = item.header.entry();
        walk.content().await?;
    }
    Ok(())
}

fn limits() -> Limits {
    let layer = layer::Limits { decompressed: 4 << 20, entries: 10_000, ..layer::Limits::default() };
    Limits { layer, ..Limits::default() }
}

fn is_json(text: &str) {
    serde_json::from_str::<serde_json::Value>(text).expect("a result is JSON");
}
