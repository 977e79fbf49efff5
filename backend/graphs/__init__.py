"""One graph, one module, one page; `registry` names them all."""
