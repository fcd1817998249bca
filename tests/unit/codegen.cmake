# Compiled kernels against the interpreter; the loaded code calls back into the runtime's thread pool.
foreach(area codegen codegen_random codegen_narrow)
  nnc_unit(${area} test_${area}.c base ir ops plan codegen interp)
  target_sources(test_${area} PRIVATE ${PROJECT_SOURCE_DIR}/tests/codegen/harness.c)
  target_link_libraries(test_${area} PRIVATE ${LLVM_LIBRARY} nnrt ${CMAKE_DL_LIBS})
  set_target_properties(test_${area} PROPERTIES ENABLE_EXPORTS ON)
  target_link_options(test_${area} PRIVATE -Wl,--undefined=nnrt_parallel)
endforeach()
