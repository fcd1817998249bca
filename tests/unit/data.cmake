# Sources of inputs, vocabularies, .npz, pictures and sounds: the runtime's libraries and hand-written descriptions.
foreach(area sources npz media)
  nnc_unit(data_${area} test_data_${area}.c)
  target_sources(test_data_${area} PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/runtime_files.c ${PROJECT_SOURCE_DIR}/tests/unit/source_model.c)
  target_link_libraries(test_data_${area} PRIVATE nnrt_extras)
endforeach()
target_compile_definitions(test_data_npz PRIVATE NPZ_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}/npz")
