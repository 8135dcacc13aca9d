/** What `hneurons explain` found out about a neuron. */
export function CardView({ card }: { card: Record<string, unknown> }) {
  return (
    <div className="card">
      <h3>What it writes</h3>
      <pre>{JSON.stringify(card, null, 2)}</pre>
    </div>
  );
}
