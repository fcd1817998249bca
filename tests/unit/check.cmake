# The commands test and gradcheck.
nnc_unit(slope test_slope.c base)
target_sources(test_slope PRIVATE ${PROJECT_SOURCE_DIR}/compiler/commands/gradcheck_slope.c)
target_link_libraries(test_slope PRIVATE nnrt)
