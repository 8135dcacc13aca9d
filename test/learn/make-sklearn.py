"""Makes sklearn.json: a small problem, and scikit-learn's optima for it. `pip install scikit-learn && python make-sklearn.py > sklearn.json`"""

import json

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

random = np.random.default_rng(1)
rows, columns = 30, 40
factor = random.normal(size=(rows, 1))
x = np.abs(random.normal(size=(rows, columns)) + factor * (np.arange(columns) % 3))
x *= np.exp(random.normal(size=columns))
x = np.round(x, 3).astype(np.float32).astype(np.float64)
logit = 2 * (x[:, 0] / x[:, 0].std() - x[:, 7] / x[:, 7].std())
labels = (random.random(rows) < 1 / (1 + np.exp(1.2 - logit))).astype(int)

fits = []
for penalty, grid in [("l2", [0.01, 1, 100]), ("l1", [0.3, 3, 100])]:
    for standardise in [False, True]:
        for balanced in [False, True]:
            for C in grid:
                scale = StandardScaler(with_mean=False).fit(x).scale_ if standardise else np.ones(columns)
                # lbfgs, the default, has the same objective but stops at fewer digits.
                solver = {"solver": "newton-cholesky"} if penalty == "l2" else {"solver": "liblinear", "penalty": "l1"}
                model = LogisticRegression(
                    C=C, tol=1e-12, max_iter=1_000_000, class_weight="balanced" if balanced else None, **solver
                )
                np.random.seed(1)
                model.fit(x / scale, labels)
                v, b = model.coef_[0], float(model.intercept_[0])
                costs = np.where(labels, rows / 2 / labels.sum(), rows / 2 / (rows - labels.sum())) if balanced else 1
                loss = C * (costs * np.logaddexp(0, -(2 * labels - 1) * (x / scale @ v + b))).sum()
                norm = v @ v / 2 if penalty == "l2" else np.abs(v).sum() + abs(b)
                fit = {"penalty": penalty, "standardise": standardise, "balanced": balanced, "C": C}
                fit |= {"objective": norm + loss, "intercept": b}
                if penalty == "l2":
                    fit["weights"] = [float(f"{w:.7g}") for w in v / scale]
                fits.append(fit)

print(
    json.dumps(
        {
            "scikit-learn": sklearn.__version__,
            "rows": rows,
            "columns": columns,
            "x": [round(float(value), 3) for value in x.ravel()],
            "labels": labels.tolist(),
            "fits": fits,
        }
    )
)
