package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mixed are the ways to read a form that also read the address: a field that the body lacks would come from a link that
// someone else made (OWASP ASVS 5.0, 15.3.7).
var mixed = []string{"FormValue", "FormParams", "Form", "Bind"}

// mixedReads gives the places in a file where a form and an address are read as one.
func mixedReads(file string, src any) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(mixed, s.Sel.Name) {
			return true
		}
		// .Form of a request, not of a page of ours.
		if of, ok := s.X.(*ast.CallExpr); s.Sel.Name == "Form" && (!ok || !isRequest(of)) && !isName(s.X, "r", "req") {
			return true
		}
		found = append(found, fmt.Sprintf("%s: .%s reads the address too; use typedIn, or PostForm", set.Position(s.Pos()), s.Sel.Name))
		return true
	})
	return found, nil
}

func isRequest(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Request"
}

func isName(x ast.Expr, names ...string) bool {
	id, ok := x.(*ast.Ident)
	return ok && slices.Contains(names, id.Name)
}

func TestFormsAreReadFromTheirBodyOnly(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if !under(file, "server") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		found, err := mixedReads(filepath.Join(root, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		report(t, found)
	}
}

func TestMixedReadsAreSeen(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{`c.FormValue("a")`: 1, `r.Form.Get("a")`: 1, `c.Request().Form.Get("a")`: 1, `c.Bind(&x)`: 1, `c.FormParams()`: 1,
		`r.PostForm.Get("a")`: 0, `c.Request().PostForm.Get("a")`: 0, `use(page.Form)`: 0, `r.URL.Query().Get("a")`: 0} {
		found, err := mixedReads("f.go", "package p\nfunc f() { "+body+" }")
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%s: %q, want %d", body, found, want)
		}
	}
}
