// A grammar of Rhai for Prism.

Prism.languages.rhai = {
  comment: [{ pattern: /\/\*[\s\S]*?(?:\*\/|$)/, greedy: true }, { pattern: /\/\/.*/, greedy: true }],
  template: {
    pattern: /`(?:\\[\s\S]|\$\{[^}]*\}|[^\\`])*(?:`|$)/,
    greedy: true,
    alias: "string",
    inside: { interpolation: { pattern: /\$\{[^}]*\}/, alias: "variable" } },
  },
  string: { pattern: /"(?:\\[\s\S]|[^\\"\n])*"?|'(?:\\.|[^\\'\n])+'/, greedy: true },
  keyword:
    /\b(?:let|const|if|else|switch|do|while|until|loop|for|in|continue|break|return|throw|try|catch|fn|private|import|export|as|global|this|is_shared|Fn|call|curry|type_of|print|debug|eval)\b/,
  boolean: /\b(?:true|false)\b/,
  number: /\b0x[\da-f_]+\b|\b0o[0-7_]+\b|\b0b[01_]+\b|\b\d[\d_]*(?:\.\d[\d_]*)?(?:e[+-]?\d+)?\b/i,
  function: /\b[a-z_]\w*(?=\s*\()/i,
  operator: /=>|\?\?|\?\.|::|[-+*/%&|^<>=!]=?|&&|\|\||\*\*|\.\.=?|#\{/,
  punctuation: /[{}[\];(),.:]/,
};
