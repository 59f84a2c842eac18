// `<div ${styled({ height: '24px' })}>`: styles that depend on values. They are set as properties, for the policy of the page forbids style
// attributes, and lit's own `styleMap` writes one the first time.

import { noChange } from 'lit';
import { Directive, PartType, directive } from 'lit/directive.js';

class Styled extends Directive {
  constructor(part) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('`styled` stands by itself in a tag');
  }

  update({ element }, [styles]) {
    for (const [name, value] of Object.entries(styles)) element.style[name] = value;
    return noChange;
  }
}

export const styled = directive(Styled);
