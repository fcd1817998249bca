# Dims and the graph.
nnc_unit(dim test_dim.c base ir ops)
nnc_unit(graph test_graph.c base ir ops autodiff opt plan interp)
nnc_unit(autodiff test_autodiff.c base ir ops autodiff interp)
