"""ConditionBoost: aggregations over rows that meet conditions, which are learned from the target by boosting.

Each round looks for the aggregation, and the conditions on its rows, that explain most of what earlier rounds left.

- Conditions refined one by one below a join, as in relational trees: Blockeel and De Raedt, "Top-down induction of
  first-order logical decision trees" (1998), and Knobbe, Siebes and van der Wallen, "Multi-relational decision tree
  induction" (1999), whose aggregations are those of Knobbe, de Haas and Siebes, "Propositionalisation and aggregates"
  (2001).
- Aggregations as columns for any predictor: Krogel and Wrobel, "Transformation-based learning using multirelational
  aggregation" (2001), the system RELAGGS.
- What is left as the next target: Friedman, "Greedy function approximation: a gradient boosting machine" (2001). Rows
  that a round draws, and the others that judge it: Friedman, "Stochastic gradient boosting" (2002).
- Sets of categories from an order of them: Breiman and others, "Classification and regression trees" (1984).
"""
