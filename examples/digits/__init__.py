"""A digit classifier, from scikit-learn's images to an int8 ONNX file."""
