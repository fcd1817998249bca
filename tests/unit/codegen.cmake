# Compiled kernels against the interpreter; the loaded code calls back into the runtime's thread pool.
nnc_unit(codegen test_codegen.c base ir ops plan codegen interp)
target_sources(test_codegen PRIVATE ${PROJECT_SOURCE_DIR}/tests/codegen/harness.c)
target_link_libraries(test_codegen PRIVATE ${LLVM_LIBRARY} nnrt ${CMAKE_DL_LIBS})
set_target_properties(test_codegen PROPERTIES ENABLE_EXPORTS ON)
target_link_options(test_codegen PRIVATE -Wl,--undefined=nnrt_parallel)
