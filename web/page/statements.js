// What attestations say: in-toto statements, alone or in a DSSE envelope, with the predicates that people ask for drawn out of them.
//
// Nothing here is believed: what is missing or of another type is left out.

import { moment, shown } from './text.js';

/** The statement in a document, or undefined: `{ predicateType, subjects, predicate, signatures? }`. */
export function statement(bytes) {
  let document = parsed(new TextDecoder().decode(bytes));
  let signatures;
  if (typeof document?.payload === 'string' && Array.isArray(document.signatures)) {
    signatures = document.signatures.length;
    document = parsed(decoded(document.payload));
  }
  if (typeof document?.predicateType !== 'string') return undefined;
  return { predicateType: document.predicateType, subjects: list(document.subject), predicate: document.predicate ?? {}, signatures };
}

/** Facts of a predicate that is known: `[name, value]` of texts; and a table, when it has a list of things. */
export function summary({ predicateType, predicate }) {
  if (/slsa\.dev\/provenance/u.test(predicateType)) return provenance(predicate);
  if (/spdx/iu.test(predicateType)) return spdx(predicate);
  if (/cyclonedx/iu.test(predicateType)) return cyclonedx(predicate);
  return { title: 'Statement', facts: [] };
}

/** SLSA provenance, version 0.2 and 1. */
function provenance(predicate) {
  const { buildDefinition: definition, runDetails: run } = predicate;
  const meta = run?.metadata ?? predicate.metadata ?? {};
  const materials = list(definition?.resolvedDependencies ?? predicate.materials);
  return {
    title: 'Provenance (SLSA)',
    facts: texts([
      ['Builder', run?.builder?.id ?? predicate.builder?.id],
      ['Build type', definition?.buildType ?? predicate.buildType],
      ['Source', predicate.invocation?.configSource?.uri ?? definition?.externalParameters?.configSource?.uri],
      ['Entry point', predicate.invocation?.configSource?.entryPoint ?? definition?.externalParameters?.configSource?.path],
      ['Started', time(meta.buildStartedOn ?? meta.startedOn)],
      ['Finished', time(meta.buildFinishedOn ?? meta.finishedOn)],
      ['Invocation', meta.buildInvocationID ?? meta.invocationId],
      ['Reproducible', typeof meta.reproducible === 'boolean' ? String(meta.reproducible) : undefined],
    ]),
    table: { caption: 'Materials', heads: ['What it was built from', 'Digest'], rows: materials.map((one) => [one?.uri ?? one?.name, digests(one?.digest)]) },
  };
}

/** A bill of materials in SPDX 2. */
function spdx(predicate) {
  const packages = list(predicate.packages);
  return {
    title: 'Bill of materials (SPDX)',
    facts: texts([
      ['Name', predicate.name],
      ['Version', predicate.spdxVersion],
      ['Created', time(predicate.creationInfo?.created)],
      ['Creators', list(predicate.creationInfo?.creators).join(', ')],
      ['Packages', String(packages.length)],
      ['Files', predicate.files ? String(list(predicate.files).length) : undefined],
    ]),
    table: {
      caption: 'Packages',
      heads: ['Package', 'Version', 'Licence'],
      rows: packages.map((one) => [one?.name, one?.versionInfo, one?.licenseConcluded ?? one?.licenseDeclared]),
    },
  };
}

/** A bill of materials in CycloneDX. */
function cyclonedx(predicate) {
  const components = list(predicate.components);
  return {
    title: 'Bill of materials (CycloneDX)',
    facts: texts([['Version', predicate.specVersion], ['Created', time(predicate.metadata?.timestamp)], ['Components', String(components.length)]]),
    table: { caption: 'Components', heads: ['Component', 'Version', 'Type'], rows: components.map((one) => [one?.name, one?.version, one?.type]) },
  };
}

/** `sha256:…` of a set of digests. */
export function digests(set) {
  return Object.entries(set ?? {}).map(([algorithm, hex]) => `${algorithm}:${hex}`).join(' ');
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

function texts(facts) {
  return facts.filter(([, value]) => typeof value === 'string' && value !== '').map(([name, value]) => [name, shown(value)]);
}

function time(text) {
  return typeof text === 'string' ? moment(text) : undefined;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(base64) {
  try {
    const bytes = Uint8Array.from(atob(base64.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return '';
  }
}
