//! What became of a job, told: the metadata document, and the ID of the image.

use crate::documents::metadata::{self, Export, PlatformImage};
use crate::error::Result;
use crate::layer::Layer;
use crate::media::Media;
use crate::options::Exporter;

use super::deliver::dated;
use super::image::{Image, Picture};
use super::{Report, Results};

/// The results of a job, whose reports are one an image.
pub fn results<M: Media>(images: &[Image<'_, '_, M>], reports: Vec<Report>) -> Result<Results> {
    let mut exports = Vec::new();
    for (image, report) in images.iter().zip(&reports) {
        exports.push(export(image, report)?);
    }
    let metadata = String::from_utf8_lossy(&metadata::file(&exports)).into_owned();
    let first = images.iter().find(|image| image.is_image());
    let image_id = first.map(|image| match image.pictures.as_slice() {
        [picture] if picture.manifest.digest == image.entry.digest => picture.config.digest.clone(),
        _ => image.entry.digest.clone(),
    });
    Ok(Results { reports, metadata, image_id })
}

fn export<M: Media>(image: &Image<'_, '_, M>, report: &Report) -> Result<Export> {
    let archived = matches!(image.output.exporter, Exporter::Oci | Exporter::Docker);
    let names: Vec<String> = match archived {
        true => image.names.iter().map(|name| name.clone().with_default_tag().to_string()).collect(),
        false => image.names.iter().map(|name| name.as_given().to_owned()).collect(),
    };
    let mut entry = image.entry.clone();
    if archived {
        dated(&mut entry, image.created)?;
    }
    let target = |target: &super::Target| metadata::Target {
        name: target.name.clone(),
        outcome: match &target.outcome {
            Ok(_) => "done".into(),
            Err(error) => error.to_string(),
        },
        pushed: target.pushed.clone(),
    };
    Ok(Export {
        exporter: image.output.exporter.as_str().into(),
        image_name: (!names.is_empty()).then(|| names.join(",")),
        names,
        descriptor: image.is_image().then_some(entry),
        platforms: image.pictures.iter().map(platform).collect(),
        targets: report.targets.iter().map(target).collect(),
    })
}

fn platform<M: Media>(picture: &Picture<'_, M>) -> PlatformImage {
    let layers = picture.listed.iter().zip(&picture.layers);
    let layers =
        layers.map(|(descriptor, blob)| Layer { descriptor: descriptor.clone(), diff_id: blob.layer.diff_id.clone() });
    PlatformImage {
        platform: picture.platform.clone(),
        manifest: picture.manifest.clone(),
        config: picture.config.digest.clone(),
        layers: layers.collect(),
    }
}
