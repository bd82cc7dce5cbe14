"""Names of scores."""

accuracy = "accuracy"
auc = "auc"
cross_entropy = "cross_entropy"
mae = "mae"
rmse = "rmse"
rsquared = "rsquared"

ALL = (accuracy, auc, cross_entropy, mae, rmse, rsquared)
