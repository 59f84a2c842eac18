//! Archives of images: the same whether at rest or piped; every root, document and blob can be opened or is refused.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use ocix_core::contents::{Archived, Form, Images, Tar, archive};
use ocix_core::descriptor::Descriptor;
use ocix_core::documents::index::Index;
use ocix_core::documents::manifest::Manifest;
use ocix_core::memory::{Directory, Memory};
use ocix_core::store::Layout;
use ocix_fuzz::{mutate_images, wait};

fuzz_target!(|data: &[u8]| {
    for form in [Form::Detect, Form::Image] {
        let at_rest = read(Tar::AtRest(data.to_vec().into()), form);
        assert_eq!(read(Tar::Piped(data.to_vec().into()), form), at_rest);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_images(data, size, max_size, seed) });

/// What can be read, a line each.
fn read(tar: Tar<Memory>, form: Form) -> Vec<String> {
    let media = Memory::default();
    let images = match wait(archive(&media, tar, &Layout::store(Directory::default()), form)) {
        Ok(Archived::Images(images)) => images,
        Ok(Archived::RootFilesystem(_)) => return vec!["a root file system".into()],
        Err(error) => return vec![error.to_string()],
    };
    let mut lines = Vec::new();
    for name in [None, Some("latest")] {
        match wait(images.roots(name)) {
            Ok(roots) => roots.iter().for_each(|root| {
                lines.push(format!("{:?}", images.name(root)));
                let _ = wait(images.referrers(&root.digest));
                document(&images, root, 0, &mut lines);
            }),
            Err(error) => lines.push(error.to_string()),
        }
    }
    lines
}

fn document(images: &Images<'_, Memory>, of: &Descriptor, depth: usize, lines: &mut Vec<String>) {
    let bytes = match wait(images.document(of)) {
        Ok(bytes) => bytes,
        Err(error) => return lines.push(error.to_string()),
    };
    // A docker archive makes its documents itself, of its own.
    assert!(bytes.len() as u64 == of.size && Descriptor::of("", &bytes).digest == of.digest);
    lines.push(of.digest.to_string());
    if let Ok(index) = Index::parse(&bytes, Some(&of.media_type)) {
        for child in index.manifests().filter(|_| depth < 4 && lines.len() < 100).cloned().collect::<Vec<_>>() {
            document(images, &child, depth + 1, lines);
        }
    }
    let Ok(manifest) = Manifest::parse(&bytes, &of.media_type) else { return };
    let _ = wait(images.document(&manifest.config));
    for layer in &manifest.layers {
        let Ok(blob) = wait(images.blob(layer)) else { continue };
        assert_eq!(blob.size(), layer.size);
        let start = wait(blob.read_at(0, 512)).expect("at hand").expect("memory");
        lines.push(format!("{} {}", layer.digest, start.len()));
    }
}
