//! The documents of what was opened, and what they list: a tree from each root, blobs where they are listed.
//!
//! What is missing or cannot be understood is a node all the same, with the reason. What refers to a manifest stands beneath it when that is
//! asked for: what the place itself lists, and what the registry knows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Image;
use crate::descriptor::Descriptor;
use crate::documents::attestation;
use crate::documents::index::Index;
use crate::documents::manifest::Manifest;
use crate::error::{Code, Error, Result};
use crate::media::Media;
use crate::media_type;

/// Everything beneath the roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// In the place's order.
    pub roots: Vec<Node>,
    /// Nodes that were left out, since there are more than [`super::Limits::nodes`] or deeper ones than [`super::Limits::depth`].
    #[serde(skip_serializing_if = "is_false")]
    pub cut: bool,
    /// Whether the root is a document alone: what it lists is not at hand.
    #[serde(skip_serializing_if = "is_false")]
    pub alone: bool,
}

/// A document or a blob, where it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// What it is for the document that lists it.
    pub role: Role,
    /// As it is listed.
    pub media_type: String,
    /// As it is listed.
    pub digest: String,
    /// Bytes, as it is listed.
    pub size: u64,
    /// What the place calls it; of roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it runs on, as `OS/ARCH[/VARIANT]`, as it is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What kind of artifact it is, as it is listed, or as the document itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// As it is listed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What the document says that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why nothing stands beneath it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it lists, in order, then what refers to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

/// What a node is for the document that lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A root, or listed by an index: an index.
    Index,
    /// A root, or listed by an index: a manifest of an image.
    Image,
    /// What is said about an image: in-toto statements.
    Attestation,
    /// A manifest of something else.
    Artifact,
    /// An image's config.
    Config,
    /// A layer, or another blob of an artifact.
    Layer,
    /// Something else that is listed.
    Other,
}

impl<M: Media> Image<'_, M> {
    /// Reads every document. `referrers`: also looks for what refers to manifests, for which a registry is asked.
    ///
    /// # Errors
    /// `cancelled` alone: everything else stands in the graph.
    pub async fn graph(&self, referrers: bool) -> Result<Graph> {
        let mut reading = Reading { image: self, referrers, left: self.limits.nodes, cut: false };
        let mut roots = Vec::new();
        for root in &self.roots {
            let Some(mut node) = Box::pin(reading.node(root, None, 1)).await? else { break };
            node.name = self.name(root);
            roots.push(node);
        }
        Ok(Graph { roots, cut: reading.cut, alone: self.stands_alone() })
    }

    /// The bytes of the document or small blob of this digest, which a root or something beneath one lists; checked.
    ///
    /// # Errors
    /// `not-found`; as [`Image::document`].
    pub async fn document_of(&self, digest: &str) -> Result<Vec<u8>> {
        let mut listed = self.roots.clone();
        for _ in 0..=self.limits.depth {
            let mut beneath = Vec::new();
            for descriptor in &listed {
                if descriptor.digest.as_str() == digest {
                    return self.document(descriptor).await;
                }
                // What cannot be read lists nothing.
                if is_document(descriptor)
                    && let Ok(bytes) = self.document(descriptor).await
                    && let Ok((children, _)) = children(descriptor, &bytes)
                {
                    beneath.extend(children.into_iter().map(|(_, child)| child));
                }
            }
            listed = beneath;
        }
        let message = format!("there is no document `{}` in what was opened", crate::text::shown(digest));
        Err(Error::new(crate::error::Fault::Request, Code::NotFound, message))
    }
}

/// A graph in the making.
struct Reading<'i, 'a, M: Media> {
    image: &'i Image<'a, M>,
    referrers: bool,
    /// Nodes that there may still be.
    left: usize,
    cut: bool,
}

impl<M: Media> Reading<'_, '_, M> {
    /// The node and all beneath it; none when there are too many.
    async fn node(&mut self, listed: &Descriptor, role: Option<Role>, depth: usize) -> Result<Option<Node>> {
        let Some(left) = self.left.checked_sub(1) else {
            self.cut = true;
            return Ok(None);
        };
        self.left = left;
        let mut node = Node::new(listed, role.unwrap_or_else(|| of_document(listed)));
        if !is_document(listed) || (depth > 1 && self.image.stands_alone()) {
            return Ok(Some(node));
        }
        if depth > self.image.limits.depth {
            self.cut = true;
            return Ok(Some(node));
        }
        let read = async {
            let bytes = self.image.document(listed).await?;
            children(listed, &bytes)
        };
        let (mut beneath, document) = match read.await {
            Ok(read) => read,
            Err(error) if error.code == Code::Cancelled => return Err(error),
            Err(error) => {
                node.error = Some(error.to_string());
                return Ok(Some(node));
            }
        };
        if let Some(manifest) = document {
            node.subject = manifest.subject.map(|subject| subject.digest.to_string());
            node.artifact_type = node.artifact_type.or(manifest.artifact_type);
            if node.role == Role::Image && node.artifact_type.is_some() {
                node.role = Role::Artifact;
            }
        }
        if self.referrers {
            match self.image.referrers(listed).await {
                Ok(found) => beneath.extend(found.into_iter().map(|found| (None, found))),
                Err(error) if error.code == Code::Cancelled => return Err(error),
                Err(error) => node.error = Some(error.to_string()),
            }
        }
        for (role, child) in beneath {
            let Some(child) = Box::pin(self.node(&child, role, depth.saturating_add(1))).await? else { break };
            node.children.push(child);
        }
        Ok(Some(node))
    }
}

impl Node {
    fn new(listed: &Descriptor, role: Role) -> Self {
        Self {
            role,
            media_type: listed.media_type.clone(),
            digest: listed.digest.to_string(),
            size: listed.size,
            name: None,
            platform: listed.platform.as_ref().map(ToString::to_string),
            artifact_type: listed.artifact_type.clone(),
            annotations: listed.annotations.clone(),
            subject: None,
            error: None,
            children: Vec::new(),
        }
    }
}

/// What a document lists, in order, each with its role where the document alone decides it; and a manifest itself.
type Listed = (Vec<(Option<Role>, Descriptor)>, Option<Manifest>);

fn children(listed: &Descriptor, bytes: &[u8]) -> Result<Listed> {
    if media_type::is_index(&listed.media_type) {
        let index = Index::parse(bytes, Some(&listed.media_type))?;
        return Ok((index.entries()?.into_iter().map(|(entry, _)| (None, entry)).collect(), None));
    }
    let manifest = Manifest::parse(bytes, &listed.media_type)?;
    let config = std::iter::once((Some(Role::Config), manifest.config.clone()));
    let layers = manifest.layers.iter().map(|layer| (Some(Role::Layer), layer.clone()));
    Ok((config.chain(layers).collect(), Some(manifest)))
}

fn is_document(descriptor: &Descriptor) -> bool {
    media_type::is_index(&descriptor.media_type) || media_type::is_manifest(&descriptor.media_type)
}

fn of_document(listed: &Descriptor) -> Role {
    if attestation::is_attestation(listed) {
        Role::Attestation
    } else if media_type::is_index(&listed.media_type) {
        Role::Index
    } else if !media_type::is_manifest(&listed.media_type) {
        Role::Other
    } else if listed.artifact_type.is_some() {
        Role::Artifact
    } else {
        Role::Image
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
