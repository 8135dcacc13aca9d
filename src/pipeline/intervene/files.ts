/** Where an intervention lies in a run folder, and the short check that `find` makes. */
export const INTERVENTION_FILE = 'intervention/intervention.json';
export const CAUSAL_FILE = 'intervention/causal.json';
