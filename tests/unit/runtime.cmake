# The runtime's tests: they link its libraries and the hand-written model, and no part of the compiler.
foreach(area pool data checkpoint readers trainer)
  nnc_unit(runtime_${area} test_runtime_${area}.c)
  target_sources(test_runtime_${area} PRIVATE ${PROJECT_SOURCE_DIR}/tests/run/fake_model.c ${PROJECT_SOURCE_DIR}/tests/unit/runtime_files.c)
  target_include_directories(test_runtime_${area} PRIVATE ${PROJECT_SOURCE_DIR}/tests/run)
  target_link_libraries(test_runtime_${area} PRIVATE nnrt_extras)
endforeach()

# The pool once more under ThreadSanitizer, from its sources, since a sanitizer has to see all of a program.
if(NOT NNC_SANITIZE)
  file(GLOB nnrt_core ${PROJECT_SOURCE_DIR}/runtime/core/*.c)
  nnc_unit(runtime_pool_tsan test_runtime_pool.c)
  target_sources(test_runtime_pool_tsan PRIVATE ${nnrt_core})
  target_compile_options(test_runtime_pool_tsan PRIVATE -fsanitize=thread -O1 -g)
  target_link_options(test_runtime_pool_tsan PRIVATE -fsanitize=thread)
  target_link_libraries(test_runtime_pool_tsan PRIVATE Threads::Threads)
endif()
