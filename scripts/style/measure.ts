import ts from 'typescript'

/** Something in a source file, by its first line. */
export interface Place {
  readonly file: string
  readonly line: number
}

export interface MeasuredFunction extends Place {
  readonly name: string
  readonly lines: number
}

export interface Cast extends Place {
  readonly text: string
  /** Whether a comment is on its line or on the line before. */
  readonly explained: boolean
}

export interface FileMeasures {
  readonly file: string
  readonly lines: number
  /** Functions with a block body: one-line expressions would only improve the figures. */
  readonly functions: readonly MeasuredFunction[]
  readonly anys: readonly Place[]
  /** Whatever overrides the compiler: `as` except `as const`, `!`, and comments that disable a check. */
  readonly casts: readonly Cast[]
}

const CHECK_SWITCHED_OFF = /@ts-(ignore|expect-error|nocheck)/

export function measure(file: string, text: string): FileMeasures {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const nodes = allNodes(source)
  const comments = commentsOf(source, nodes)
  const commentLines = new Set(
    comments.flatMap(({ pos, end }) => span(lineAt(source, pos), lineAt(source, end))),
  )
  const place = (position: number) => ({ file, line: lineAt(source, position) })
  return {
    file,
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    functions: nodes.filter(hasBlockBody).map((node) => ({
      ...place(node.getStart()),
      name: node.name?.getText() ?? '(anonymous)',
      lines: lineAt(source, node.end) - lineAt(source, node.getStart()) + 1,
    })),
    anys: nodes
      .filter((node) => node.kind === ts.SyntaxKind.AnyKeyword)
      .map((node) => place(node.getStart())),
    casts: [
      ...nodes.filter(isCast).map((node) => ({
        ...place(node.getStart()),
        text: node.getText().split('\n').at(-1)?.trim() ?? '',
        explained: span(lineAt(source, node.getStart()) - 1, lineAt(source, node.end)).some((line) =>
          commentLines.has(line),
        ),
      })),
      ...comments
        .map(({ pos, end }) => ({ pos, comment: text.slice(pos, end) }))
        .filter(({ comment }) => CHECK_SWITCHED_OFF.test(comment))
        .map(({ pos, comment }) => ({ ...place(pos), text: comment, explained: true })),
    ],
  }
}

type FunctionWithBody =
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.ArrowFunction
  | ts.MethodDeclaration
  | ts.ConstructorDeclaration
  | ts.AccessorDeclaration

function hasBlockBody(node: ts.Node): node is FunctionWithBody {
  const isFunction =
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node)
  return isFunction && node.body !== undefined && ts.isBlock(node.body)
}

function isCast(node: ts.Node): boolean {
  if (ts.isAsExpression(node)) return !ts.isConstTypeReference(node.type)
  if (ts.isPropertyDeclaration(node) || ts.isVariableDeclaration(node))
    return node.exclamationToken !== undefined
  return ts.isTypeAssertionExpression(node) || ts.isNonNullExpression(node)
}

/** With the tokens between the nodes, at which comments hang. */
function allNodes(node: ts.Node): ts.Node[] {
  return [node, ...node.getChildren().flatMap(allNodes)]
}

function commentsOf(source: ts.SourceFile, nodes: readonly ts.Node[]): ts.CommentRange[] {
  const found = new Map<number, ts.CommentRange>()
  for (const node of nodes) {
    const around = [
      ...(ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source.text, node.getEnd()) ?? []),
    ]
    for (const comment of around) found.set(comment.pos, comment)
  }
  return [...found.values()]
}

function lineAt(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
